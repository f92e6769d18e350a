/**
 * The leaf: everything that one principal's calls touch, in one item, so that one conditional write decides.
 * Attribute names are short because they are paid for with every write; accounting terms are beside them.
 *
 *   leaf    v version · t fence · a accounts by account name · h calls in flight by hold id
 *           g stages that the ladder has set so far · n newest grant that its principal asked for, by account name
 *   account k window key · f free · s settled · l effective limit
 *           own cap: r cap revision · b settled by rolling bucket · g stage that the ladder set · o grants by id
 *           lease of a shared cap: q size of the next draw, in calls · d drawn at (epoch ms)
 *   notice  i grant id · s what became of it · w written at (epoch ms) · u until (epoch ms), see notices.ts
 *   hold    at stamp · x expiry (epoch ms) · c what it holds, by account name · i whose call it is
 *
 * Conservation, true of every account after every write: l = f + s + held, where held sums the holds that
 * stand in the account's open window.
 */
import type { EpochMs, HoldId, PicoUsd } from '../brands.ts';
import type { Metric } from '../caps/cap.ts';
import type { RungStage } from '../caps/rungs.ts';
import { sumOf } from '../money.ts';
import type { Item, ItemKey } from '../ports.ts';
import { spread } from './spread.ts';

export interface Account {
  k: bigint;
  f: bigint;
  s: bigint;
  l: bigint;
  r?: bigint;
  b?: Record<string, bigint>;
  g?: RungStage;
  o?: Record<string, GrantedAmount>;
  q?: bigint;
  d?: bigint;
}

/** Approved overage: part of `l` until the window rolls; what is free of it is withdrawn from epoch ms `x` on. */
export interface GrantedAmount {
  n: bigint;
  x: bigint;
}

/** One letter a metric, stored with each held amount so that a settle needs no configuration. */
export type MetricLetter = 'u' | 't' | 'r' | 'c';
export const METRIC_LETTER = {
  usd: 'u',
  tokens: 't',
  requests: 'r',
  concurrent: 'c',
} as const satisfies Record<Metric, MetricLetter>;

export interface HeldAmount {
  k: bigint;
  n: bigint;
  m: MetricLetter;
}

export interface Hold {
  at: bigint;
  x: bigint;
  c: Record<string, HeldAmount>;
  i: HoldInfo;
}

/** Whose call it is and at what price: enough to write its charge if the process dies. */
export interface HoldInfo {
  /** Request that made it. */
  rq: string;
  /** Admitted at, epoch ms. */
  ts: bigint;
  us: string | null;
  ap: string;
  tm: string;
  ft: string;
  /** Endpoint, model as asked, price card. */
  ep: string;
  md: string;
  cd: string;
  /** Model that it was sent to, where that is another one. */
  ms?: string;
  /** Held in dollars and tokens, whatever the caps count. */
  pu: bigint;
  tk: bigint;
  /** Free attribution, where given. */
  tg?: Record<string, string>;
  /** SHA-256 of the body, of calls with an idempotency key. */
  bh?: string;
}

/** So that the next response tells, without a read, what became of what was asked for. */
export interface Notice {
  i: string;
  s: 'requested' | 'approved' | 'denied';
  w: bigint;
  u: bigint;
}

export interface Leaf {
  pk: string;
  sk: string;
  v: bigint;
  t: bigint;
  a: Record<string, Account>;
  h: Record<string, Hold>;
  n?: Record<string, Notice>;
  g?: bigint;
}

/** What a call uses, in each metric's unit. */
export type Amounts = Record<MetricLetter, bigint>;
export const amountsOf = (usd: PicoUsd, tokens: bigint): Amounts => ({ u: usd, t: tokens, r: 1n, c: 1n });

/** A user, or the app itself for calls without one. */
export type Principal = { type: 'user' | 'app'; id: string };

/** The first leaf of a principal; an app may have more of them, by number. */
export const leafKey = ({ type, id }: Principal, number = 0): ItemKey => ({
  pk: `L#${type}:${id}${number === 0 ? '' : `~${number}`}`,
  sk: '-',
});
export const principalOf = (leafPk: string): Principal => {
  // Names of apps have no "~", those of users may.
  const match = /^L#(?:(user):(.+)|(app):([^~]+)(?:~\d+)?)$/s.exec(leafPk);
  if (!match) throw new Error(`not a leaf: ${leafPk}`);
  return { type: (match[1] ?? match[3]) as Principal['type'], id: (match[2] ?? match[4])! };
};

/** Of an app with several leaves, the one on which it is counted as one. */
export const firstLeafOf = ({ pk }: ItemKey): ItemKey => leafKey(principalOf(pk));
export const isFirstLeaf = (key: ItemKey): boolean => firstLeafOf(key).pk === key.pk;

/** Leaves are listed in this many partitions; the entry is put before the leaf, once, and never changes. */
export const LEAF_LISTS = 16;
export const leafListPartition = (list: number): string => `LEAVES#${list}`;
export const leafListOf = (key: ItemKey): number => spread(key.pk, LEAF_LISTS);
export const leafListEntry = (key: ItemKey): Item & ItemKey => ({
  pk: leafListPartition(leafListOf(key)),
  sk: key.pk,
});
export const leafOfListEntry = ({ sk }: Item): ItemKey => ({ pk: sk as string, sk: '-' });

export const newLeaf = (key: ItemKey): Leaf => ({ ...key, v: 0n, t: 0n, a: {}, h: {} });

/**
 * Reads a leaf and asserts conservation of each account: a leaf whose books do not balance is never used.
 * Throws LedgerBroken, which refuses the call and rings an alarm.
 */
export function leafFromItem(item: Item): Leaf {
  const leaf = item as unknown as Leaf;
  const broken = brokenAccount(leaf);
  if (broken !== undefined)
    throw new LedgerBroken(`${leaf.pk} account ${broken}: ${describe(leaf.a[broken]!)}`);
  return leaf;
}
export const leafToItem = (leaf: Leaf): Item & ItemKey => leaf as unknown as Item & ItemKey;

export class LedgerBroken extends Error {
  override name = 'LedgerBroken';
}

/** True while a refund or a settlement of window `key` still reaches the account. */
export function isOpen(account: Account, key: bigint): boolean {
  return account.b ? account.b[String(key)] !== undefined : account.k === key;
}

/** What calls in flight hold of each account of the leaf, in its open window. */
export function heldByAccount(leaf: Leaf): Record<string, bigint> {
  const held: Record<string, bigint> = {};
  for (const hold of Object.values(leaf.h)) {
    for (const [name, { k, n }] of Object.entries(hold.c)) {
      const account = leaf.a[name];
      if (account && isOpen(account, k)) held[name] = (held[name] ?? 0n) + n;
    }
  }
  return held;
}

export function brokenAccount(leaf: Leaf): string | undefined {
  const held = heldByAccount(leaf);
  return Object.keys(leaf.a).find((name) => {
    const { f, s, l, b } = leaf.a[name]!;
    if (l !== f + s + (held[name] ?? 0n)) return true;
    return b !== undefined && sumOf(Object.values(b)) !== s;
  });
}

const describe = ({ k, f, s, l }: Account): string => `k ${k} f ${f} s ${s} l ${l}`;

export interface HeldCall {
  id: HoldId;
  leaf: ItemKey;
  at: bigint;
  /** Newest stamp that an unanswered attempt carried, 0 when every attempt was answered: settle raises the fence to it. */
  fence: bigint;
  hold: Hold;
  admittedAt: EpochMs;
}

/** Pure changes of a leaf's accounts: opening, rolling, following a cap's limit, freeing old slots. */
import { durationMs, type EpochMs } from '../brands.ts';
import { capKeyAt, openingLimit, type Cap } from '../caps/cap.ts';
import { MINUTE } from '../time.ts';
import { shareOf, withoutStage, withStandingStage } from '../caps/rungs.ts';
import { oldestOpenBucket } from '../caps/windows.ts';
import { isOpen, METRIC_LETTER, type Account, type Leaf } from './leaf.ts';
import { stampedAt } from './stamp.ts';

/** A call cannot last longer (Lambda's 15 minutes and a margin), so by then its `concurrent` slot is free. */
export const SLOT_TIME = durationMs(16 * MINUTE);

/**
 * The leaf as a reserve needs it: every cap's account there, in the current window, at the cap's limit, and
 * slots of calls that cannot be running any more given back. Returns undefined when it already is so.
 */
export function prepareLeaf(leaf: Leaf, caps: readonly Cap[], now: EpochMs): Leaf | undefined {
  let next: Leaf | undefined;
  const changed = (): Leaf => (next ??= structuredClone(leaf));
  for (const cap of caps) {
    const account = leaf.a[cap.account];
    const current = prepareAccount(leaf, account, cap, now);
    if (current !== account) changed().a[cap.account] = current;
  }
  const slots = new Set(caps.filter((cap) => cap.metric === 'concurrent').map((cap) => cap.account));
  for (const [id, hold] of Object.entries(leaf.h)) {
    if (stampedAt(hold.at) + SLOT_TIME >= now) continue;
    for (const name of Object.keys(hold.c)) {
      if (!slots.has(name)) continue;
      changed().a[name]!.f += hold.c[name]!.n;
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the slot leaves the hold, not just its value
      delete changed().h[id]!.c[name];
    }
  }
  return next;
}

function prepareAccount(leaf: Leaf, account: Account | undefined, cap: Cap, now: EpochMs): Account {
  const key = capKeyAt(cap, now);
  if (!account) return openAccount(cap, key);
  const rolled = account.k < key ? rollAccount(leaf, account, cap, key) : account;
  return rolled.r < cap.revision ? followLimit(rolled, cap) : rolled;
}

export function openAccount(cap: Cap, key: bigint): Account {
  const limit = openingLimit(cap);
  const account: Account = { k: key, f: limit, s: 0n, l: limit, r: cap.revision };
  return cap.window.kind === 'rolling' ? { ...account, b: { [String(key)]: 0n } } : account;
}

/** A calendar account starts full; a rolling one drops the buckets that are wholly outside. */
function rollAccount(leaf: Leaf, account: Account, cap: Cap, key: bigint): Account {
  if (cap.window.kind !== 'rolling') return { k: key, f: account.l, s: 0n, l: account.l, r: account.r };
  const oldest = oldestOpenBucket(cap.window, key);
  const kept = Object.entries(account.b ?? {}).filter(([bucket]) => BigInt(bucket) >= oldest);
  const next: Account = { ...account, k: key, b: { ...Object.fromEntries(kept), [String(key)]: 0n } };
  next.s = kept.reduce((sum, [, settled]) => sum + settled, 0n);
  next.f = next.l - next.s - heldIn(leaf, cap.account, next);
  return withStandingStage(cap, next);
}

function heldIn(leaf: Leaf, name: string, account: Account): bigint {
  let held = 0n;
  for (const hold of Object.values(leaf.h)) {
    const amount = hold.c[name];
    if (amount && isOpen(account, amount.k)) held += amount.n;
  }
  return held;
}

/**
 * A changed limit moves what is free; below zero nothing is admitted until windows roll or the limit rises. The
 * stage that was set belongs to the old limit.
 */
export function followLimit(account: Account, cap: Cap): Account {
  const limit = openingLimit(cap);
  const next = { ...account, l: limit, f: account.f + limit - account.l, r: cap.revision };
  return limit === account.l ? withStandingStage(cap, next) : withoutStage(next);
}

export interface AmountByAccount {
  cap: Cap;
  amount: bigint;
}

/** The accounts that cannot pay their amount now, or are blocked. The leaf is prepared. */
export function shortAccounts(leaf: Leaf, wanted: readonly AmountByAccount[]): AmountByAccount[] {
  return wanted.filter(({ cap, amount }) => {
    const account = leaf.a[cap.account]!;
    return account.f < amount || isBlocked(cap, account);
  });
}

/**
 * Settled amount from which the cap admits nothing, where that is below its effective limit; undefined where
 * the limit itself is the last rung.
 */
export function blockedFrom(cap: Cap, account: Account): bigint | undefined {
  const { block } = cap.thresholds;
  if (block === null || block >= THOUSAND || cap.metric === 'concurrent') return undefined;
  return shareOf(account.l, block);
}
export function isBlocked(cap: Cap, account: Account): boolean {
  const from = blockedFrom(cap, account);
  return from !== undefined && account.s >= from;
}
const THOUSAND = 1000;

export const amountFor = (cap: Cap, amounts: Record<'u' | 't' | 'r' | 'c', bigint>): bigint =>
  amounts[METRIC_LETTER[cap.metric]];

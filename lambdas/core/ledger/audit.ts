/**
 * The audit: recomputes every account and every pool from the charges and the holds, and names each difference to
 * the unit. It reads only what stands in the table, and nothing of what a process remembers.
 *
 * Calls go on meanwhile. Books are compared only against charges that were read while their versions stood still;
 * those that moved are read again, a few times, and otherwise counted as in motion: not proven, and not accused.
 */
import { capFromItem } from '../caps/cap-items.ts';
import { openingLimit, type Cap } from '../caps/cap.ts';
import { sumOf } from '../money.ts';
import { everyItem } from '../pages.ts';
import type { Table } from '../ports.ts';
import { granted } from './accounts.ts';
import { chargeFromItem, type Charge } from './charge.ts';
import { heldByAccount, isOpen, type Account, type Leaf } from './leaf.ts';
import { accountOfPool, leaseOf, type Pool } from './pool.ts';

export type AuditRule =
  | 'limit = free + settled + held'
  | 'limit = free + settled + leases'
  | 'settled = sum of charges'
  | 'limit = cap + overage + grants';

export interface AuditDifference {
  /** Whose account: `user:alice`, `app:web`; of a pool the cap's scope, `team:growth`. */
  principal: string;
  account: string;
  window_key: string;
  rule: AuditRule;
  /** In the metric's smallest unit: picodollars, tokens, requests, calls. */
  expected: string;
  found: string;
}

export interface Audit {
  balanced: boolean;
  /** On leaves, leases and pools included. */
  accounts: number;
  open_holds: number;
  /** Leaves and pools that changed whenever they were looked at: run again when it is quieter. */
  in_motion: number;
  differences: AuditDifference[];
}

const ROUNDS_MAX = 5;

/** Throws TableUnavailable. */
export async function auditLedger(table: Table): Promise<Audit> {
  let base = await readBooks(table);
  const leaves = [...base.leaves.values()];
  const audit: Audit = {
    balanced: true,
    accounts: leaves.reduce((count, { a }) => count + Object.keys(a).length, base.pools.size),
    open_holds: leaves.reduce((count, { h }) => count + Object.keys(h).length, 0),
    in_motion: 0,
    differences: [],
  };
  let open = [...base.leaves.keys(), ...base.pools.keys()].filter(
    (pk) => differencesOf(pk, base, base).length > 0,
  );
  for (let round = 0; round < ROUNDS_MAX && open.length > 0; round += 1) {
    const charges = await readBooks(table);
    const after = await readBooks(table);
    const before = base;
    const isStill = (pk: string): boolean => versionsOf(pk, before) === versionsOf(pk, after);
    audit.differences.push(...open.filter(isStill).flatMap((pk) => differencesOf(pk, before, charges)));
    open = open.filter((pk) => !isStill(pk));
    base = after;
  }
  audit.in_motion = open.length;
  audit.balanced = audit.differences.length === 0;
  return audit;
}

interface Books {
  leaves: Map<string, Leaf>;
  pools: Map<string, Pool>;
  chargesByLeaf: Map<string, Charge[]>;
  /** By the name of their account. */
  caps: Map<string, Cap>;
}

async function readBooks(table: Table): Promise<Books> {
  const books: Books = { leaves: new Map(), pools: new Map(), chargesByLeaf: new Map(), caps: new Map() };
  for await (const item of everyItem((at) => table.scan(at))) {
    const pk = item['pk'] as string;
    if (pk.startsWith('L#')) books.leaves.set(pk, item as unknown as Leaf);
    else if (pk.startsWith('P#')) books.pools.set(pk, item as unknown as Pool);
    else if (pk.startsWith('CAP#') && item['deleted'] !== true) {
      const cap = capFromItem(item);
      books.caps.set(cap.account, cap);
    } else if (pk.startsWith('C#')) {
      const charge = chargeFromItem(item);
      const charges = books.chargesByLeaf.get(charge.leafPk);
      if (charges) charges.push(charge);
      else books.chargesByLeaf.set(charge.leafPk, [charge]);
    }
  }
  return books;
}

/** Equal texts mean that nothing moved which the differences of these books depend on. */
function versionsOf(pk: string, { leaves, pools }: Books): string {
  const pool = pools.get(pk);
  if (!pool) return String(leaves.get(pk)?.v);
  const under = [...leaves.values()].filter(({ a }) => a[accountOfPool(pk)]);
  return [pool, ...under.sort((a, b) => (a.pk < b.pk ? -1 : 1))].map(({ pk, v }) => `${pk} ${v}`).join();
}

function differencesOf(pk: string, books: Books, charges: Books): AuditDifference[] {
  const pool = books.pools.get(pk);
  if (pool) return differencesOfPool(pool, books, charges);
  const leaf = books.leaves.get(pk);
  return leaf ? differencesOfLeaf(leaf, books, charges) : [];
}

function differencesOfLeaf(leaf: Leaf, { caps }: Books, { chargesByLeaf }: Books): AuditDifference[] {
  const charges = settledCharges(leaf, chargesByLeaf);
  const held = heldByAccount(leaf);
  return Object.entries(leaf.a).flatMap(([name, account]) => {
    const { f, s, l, k } = account;
    const isLease = account.r === undefined;
    return differing(leaf.pk.slice('L#'.length), name, k, [
      ['limit = free + settled + held', f + s + (held[name] ?? 0n), l],
      // What was settled on a lease goes home with each draw: its charges are summed at the pool.
      ...(isLease ? [] : [['settled = sum of charges', chargedTo(name, account, charges), s] as Rule]),
      ...limitRule(account, caps.get(name)),
    ]);
  });
}

function differencesOfPool(pool: Pool, { leaves, caps }: Books, charges: Books): AuditDifference[] {
  const name = accountOfPool(pool.pk);
  const cap = caps.get(name);
  const under = [...leaves.values()];
  const leases = under.flatMap((leaf) => leaseOf(leaf, name, pool.k) ?? []);
  const charged = sumOf(
    under.map((leaf) => chargedTo(name, pool, settledCharges(leaf, charges.chargesByLeaf))),
  );
  return differing(cap ? `${cap.scope.type}:${cap.scope.id}` : name, name, pool.k, [
    ['limit = free + settled + leases', pool.f + pool.s + sumOf(leases.map(({ l }) => l)), pool.l],
    ['settled = sum of charges', charged, pool.s + sumOf(leases.map(({ s }) => s))],
    ...limitRule(pool, cap),
  ]);
}

type Rule = [rule: AuditRule, expected: bigint, found: bigint];

const differing = (principal: string, account: string, key: bigint, rules: Rule[]): AuditDifference[] =>
  rules
    .filter(([, expected, found]) => expected !== found)
    .map(([rule, expected, found]) => ({
      principal,
      account,
      window_key: String(key),
      rule,
      expected: String(expected),
      found: String(found),
    }));

/** Only of an account that has followed the cap to its newest revision. */
const limitRule = (account: Account, cap: Cap | undefined): Rule[] =>
  cap && account.r === cap.revision
    ? [['limit = cap + overage + grants', openingLimit(cap) + granted(account), account.l]]
    : [];

/** A charge whose hold still stands has not moved anything yet. */
const settledCharges = (leaf: Leaf, chargesByLeaf: Map<string, Charge[]>): Charge[] =>
  (chargesByLeaf.get(leaf.pk) ?? []).filter(({ id, at }) => leaf.h[id]?.at !== at);

/** What the charges moved into the account's open window. */
function chargedTo(name: string, account: Account, charges: readonly Charge[]): bigint {
  let sum = 0n;
  for (const { accounts, used } of charges) {
    const held = accounts[name];
    if (held && isOpen(account, held.k)) sum += used[held.m];
  }
  return sum;
}

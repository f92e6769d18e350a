/**
 * A shared cap in two places: its pool, one item, holds what nobody has drawn; each leaf that calls under it
 * holds a lease, drawn from the pool and spent like an own account. A call whose lease covers it never touches
 * the pool.
 *
 * Conservation, true after every write: pool l = f + s + the leases' l (those of the pool's window). What is
 * settled on a lease goes home with each draw and return, so a pool's `s` never exceeds what is really spent. With
 * it goes what a provider's overrun has taken beyond the lease, so that a pool may have less than nothing free.
 */
import type { EpochMs } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import type { Item, ItemKey } from '../ports.ts';
import { prepareAccount } from './accounts.ts';
import { LedgerBroken, type Account, type Leaf } from './leaf.ts';
import { spread } from './spread.ts';

export interface Pool extends Account {
  pk: string;
  sk: string;
  v: bigint;
}

/** By the name of the cap's account. */
export const poolKey = (account: string): ItemKey => ({ pk: `P#${account}`, sk: '-' });
export const accountOfPool = (poolPk: string): string => poolPk.slice('P#'.length);

/** Throws LedgerBroken: a pool that has given more than it had is never used. */
export function poolFromItem(item: Item): Pool {
  const pool = item as unknown as Pool;
  if (pool.l < pool.f + pool.s) {
    throw new LedgerBroken(`${pool.pk}: k ${pool.k} f ${pool.f} s ${pool.s} l ${pool.l}`);
  }
  return pool;
}
export const poolToItem = (pool: Pool): Item & ItemKey => pool as unknown as Item & ItemKey;

/** The pool in its current window, at the cap's limit; undefined when it already is so. */
export function preparePool(pool: Pool | undefined, cap: Cap, now: EpochMs): Pool | undefined {
  const account = prepareAccount(undefined, pool, cap, now);
  if (account === pool) return undefined;
  return { ...account, ...poolKey(cap.account), v: pool?.v ?? 0n };
}

// ---- leases ------------------------------------------------------------------------------------------------

/** Calls that the first draw of a window pays for; doubled at each draw, and small again after a return. */
const FIRST_DRAW = 4n;
const DRAW_MAX = 32n;
export const SMALLEST_DRAW = 1n;
/** No draw takes more than this share of what is left, so that the last of a pool is not asleep in a few leases. */
const SHARE_OF_POOL = 4n;

/** The leaf's lease, if it is of the pool's window: one of an older window is void. */
export function leaseOf(leaf: Leaf, account: string, key: bigint): Account | undefined {
  const lease = leaf.a[account];
  return lease?.k === key ? lease : undefined;
}

/** How much to draw for a call of `amount` that lacks `lack`: enough for a few such calls, if the pool is rich. */
export function drawSize(lease: Account | undefined, amount: bigint, lack: bigint, pool: Account): bigint {
  const ahead = amount * (lease?.q ?? FIRST_DRAW) - (lease?.f ?? 0n);
  const share = pool.f / SHARE_OF_POOL;
  const wanted = ahead < share ? ahead : share;
  return wanted > lack ? wanted : lack;
}

/** The lease after a draw: what was settled on it has gone home. */
export function drawnLease(lease: Account | undefined, key: bigint, drawn: bigint, now: EpochMs): Account {
  const d = BigInt(now);
  if (!lease) return { k: key, f: drawn, s: 0n, l: drawn, q: 2n * FIRST_DRAW, d };
  const doubled = 2n * (lease.q ?? FIRST_DRAW);
  const q = doubled < DRAW_MAX ? doubled : DRAW_MAX;
  return { k: key, f: lease.f + drawn, s: 0n, l: lease.l + drawn - lease.s, q, d };
}

/** Something to give back: free, settled, or owed. */
export const hasMoney = ({ f, s }: Account): boolean => f !== 0n || s !== 0n;

// ---- the index of leases -----------------------------------------------------------------------------------

const INDEX_ORDERS = 0x10000;
const orderOf = (text: string): string => spread(text, INDEX_ORDERS).toString(16).padStart(4, '0');

/** Put before a leaf's first draw, and never taken away: whoever looks for leases finds all of them. */
export const leaseIndexPartition = (account: string): string => `X#${account}`;
/** In an order that has nothing to do with names, so that a random place in it is a fair start. */
export const leaseIndexEntry = (account: string, leafPk: string): Item & ItemKey => ({
  pk: leaseIndexPartition(account),
  sk: `${orderOf(leafPk)}#${leafPk}`,
});
export const indexStart = (random: bigint): string =>
  (Number(random) % INDEX_ORDERS).toString(16).padStart(4, '0');
export const leafOfIndexEntry = ({ sk }: Item): ItemKey => ({ pk: (sk as string).slice(5), sk: '-' });

/**
 * What a call can see of its caps: its leaf, exact, and of each shared cap the pool as it was last read. A shared
 * cap's account is put together from the pool and this leaf's lease; what others hold or have on lease is neither
 * free nor settled here, so `f` is a lower bound of what is free, and `s` one of what is spent.
 */
import { isShared, type Cap } from '../caps/cap.ts';
import { heldByAccount, type Account, type Leaf } from './leaf.ts';
import { leaseOf } from './pool.ts';

export interface Books {
  leaf: Leaf;
  /** By account name; for every shared cap of the call. */
  pools: ReadonlyMap<string, Account>;
}

export function accountOf({ leaf, pools }: Books, cap: Cap): Account {
  if (!isShared(cap)) return leaf.a[cap.account]!;
  const pool = pools.get(cap.account)!;
  const lease = leaseOf(leaf, cap.account, pool.k);
  return lease ? { ...pool, f: pool.f + lease.f, s: pool.s + lease.s } : pool;
}

/** What calls in flight hold of it; of a shared cap, also what others have on lease. */
export function heldOf(books: Books, cap: Cap): bigint {
  if (!isShared(cap)) return heldByAccount(books.leaf)[cap.account] ?? 0n;
  const { l, s, f } = accountOf(books, cap);
  return l - s - f;
}

/**
 * What a denial still has to ask of shared caps: which of them deny the call as well, so that it is told of the one that
 * keeps it away longest, and whether the next denial can be had for less.
 */
import { isShared, type Cap } from '../caps/cap.ts';
import { amountFor, isBlocked } from './accounts.ts';
import { accountOf, type Books } from './books.ts';
import type { Folds } from './folds.ts';
import type { Account } from './leaf.ts';
import type { Pools } from './pools.ts';
import type { ReserveCall, ReserveOutcome } from './reserve-call.ts';

type Denial = Extract<ReserveOutcome, { kind: 'short' | 'undecided' }>;

/** The denial with every shared cap that is used up for certain. Throws TableUnavailable, LedgerBroken. */
export async function completeDenial(
  ledger: { pools: Pools; folds: Folds },
  { caps }: Pick<ReserveCall, 'caps'>,
  denial: Denial,
): Promise<Denial> {
  const named = denial.kind === 'short' ? denial.caps : [denial.cap];
  await foldSearched(ledger, denial, named);
  const others = caps.filter((cap) => isShared(cap) && !named.includes(cap));
  const { books, spent } = await spentCaps(ledger.pools, others, denial);
  if (spent.length === 0) return denial;
  const short = denial.kind === 'short' ? denial.caps : [];
  // As it was fitted when it was denied: the caps of then could not pay just that.
  return { kind: 'short', caps: [...short, ...spent], books, fit: denial.fit };
}

/**
 * Settled money alone leaves too little, as one reading of the pool proves; pools that were seen lately say which to
 * read. What lies settled on leases is not looked for.
 */
async function spentCaps(
  pools: Pools,
  caps: readonly Cap[],
  { books, fit }: Denial,
): Promise<{ books: Books; spent: Cap[] }> {
  const isSpentBy = (cap: Cap, pool: Account): boolean =>
    pool.l - pool.s < amountFor(cap, fit.smallest) || isBlocked(cap, pool);
  const suspects = caps.filter((cap) => isSpentBy(cap, books.pools.get(cap.account)!));
  if (suspects.length === 0) return { books, spent: [] };
  // In the pool too, a changed limit is in force from then on.
  const read = await Promise.all(suspects.map(async (cap) => ({ cap, pool: await pools.change(cap) })));
  const seen = new Map<string, Account>(books.pools);
  for (const { cap, pool } of read) seen.set(cap.account, pool);
  const spent = read.flatMap(({ cap, pool }) => (isSpentBy(cap, pool) ? [cap] : []));
  return { books: { leaf: books.leaf, pools: seen }, spent };
}

/** A search has found, on leases, that the cap is reached: the next one finds it in the pool. */
async function foldSearched(
  { pools, folds }: { pools: Pools; folds: Folds },
  denial: Denial,
  named: readonly Cap[],
) {
  if (denial.kind !== 'short') return;
  for (const cap of named.filter(isShared)) {
    const smallest = amountFor(cap, denial.fit.smallest);
    const { l, s } = accountOf(denial.books, cap);
    const pool = pools.known(cap.account);
    if (l - s < smallest && pool && pool.l - pool.s >= smallest) await folds.all(cap);
  }
}

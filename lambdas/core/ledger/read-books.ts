/**
 * Reads a leaf and the pools of its shared caps as of one moment. Read one beside the other, money that goes home in
 * between would be counted twice: settled on the lease, and settled in the pool.
 */
import type { Cap } from '../caps/cap.ts';
import type { ItemKey } from '../ports.ts';
import type { Books } from './books.ts';
import { newLeaf, type Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import type { Pool } from './pool.ts';
import type { Pools } from './pools.ts';

/** A pool that moved each time is so busy that its figures are old when they arrive. */
const READS_MAX = 5;

/**
 * Rights move only in a write of the pool too, so a leaf that was read between two equal images of it fits both. Where
 * there are none, no amount is shown as more than it is. Without a key nobody's lease is asked for. Throws
 * TableUnavailable, LedgerBroken.
 */
export async function readBooks(
  { leaves, pools }: { leaves: Leaves; pools: Pools },
  key: ItemKey | undefined,
  caps: readonly Cap[],
): Promise<Books> {
  const readLeaf = async (): Promise<Leaf> => (key && (await leaves.read(key))) ?? newLeaf(key ?? NOBODY);
  if (caps.length === 0) return { leaf: await readLeaf(), pools: new Map() };
  let before = await pools.readAll(caps);
  if (!key) return { leaf: newLeaf(NOBODY), pools: before };
  for (let reads = 1; ; reads += 1) {
    const leaf = await readLeaf();
    const after = await pools.readAll(caps);
    if (caps.every(({ account }) => before.get(account)!.v === after.get(account)!.v))
      return { leaf, pools: before };
    if (reads === READS_MAX) return { leaf, pools: leastOf(before, after) };
    before = after;
  }
}

/** `settled` from before the leaf, and the lesser `free`: what moved meanwhile is in neither. */
function leastOf(before: Map<string, Pool>, after: Map<string, Pool>): Map<string, Pool> {
  return new Map(
    [...after].map(([account, pool]) => {
      const old = before.get(account)!;
      if (old.k !== pool.k) return [account, pool];
      return [account, { ...pool, s: old.s, f: old.f < pool.f ? old.f : pool.f }];
    }),
  );
}

/** Of a shared cap's books, where nobody's lease is asked for. */
const NOBODY: ItemKey = { pk: '', sk: '-' };

/**
 * The collector: holds that nobody settled. One with a charge is settled from it (a crash came between the
 * two); one past its lifetime is presumed spent, by writing its charge. Money never comes back on a timer.
 */
import { durationMs, holdId, type EpochMs } from '../brands.ts';
import { everyItem } from '../pages.ts';
import type { Clock, ItemKey, Table } from '../ports.ts';
import { SLOT_TIME } from './accounts.ts';
import { presumedCharge } from './charge.ts';
import { HOLDS_MAX, type Ledger } from './ledger.ts';
import { LEAF_LISTS, leafListPartition, leafOfListEntry, type Hold, type Leaf } from './leaf.ts';
import { stampAfter, stampedAt, type Nonce } from './stamp.ts';

/** A call younger than this is left alone: its own process settles it. */
const SETTLING_TIME = durationMs(60_000);
/** Once this many calls are open on a leaf, those that cannot be running any more are presumed early. */
const CROWDED = HOLDS_MAX / 2;

export interface Collected {
  settled: number;
  presumed: number;
}

export async function collectLeaf(
  ledger: Ledger,
  key: ItemKey,
  now: EpochMs,
  nonce: Nonce,
): Promise<Collected> {
  const collected: Collected = { settled: 0, presumed: 0 };
  const leaf = await ledger.leaves.read(key);
  if (!leaf) return collected;
  for (const [name, hold] of Object.entries(leaf.h)) {
    const age = now - stampedAt(hold.at);
    if (age < SETTLING_TIME) continue;
    const id = holdId(name);
    const charge = await ledger.readCharge(id);
    if (charge) {
      await ledger.settleFrom(charge, key, hold.at);
      collected.settled += 1;
    } else if (isOverdue(leaf, hold, now)) {
      // The fence rises to now: an attempt of this call that is still under way must not land afterwards.
      const fence = stampAfter(now, hold.at, nonce);
      await ledger.finish(presumedCharge(id, key.pk, hold, fence), key);
      collected.presumed += 1;
    }
  }
  return collected;
}

function isOverdue(leaf: Leaf, hold: Hold, now: EpochMs): boolean {
  if (hold.x < BigInt(now)) return true;
  return Object.keys(leaf.h).length >= CROWDED && stampedAt(hold.at) + SLOT_TIME < now;
}

/** Every leaf, one after the other. */
export async function collectAll(
  deps: { table: Table; ledger: Ledger; clock: Clock },
  nonce: () => Nonce,
): Promise<Collected> {
  const total: Collected = { settled: 0, presumed: 0 };
  for await (const leaf of leavesOf(deps.table)) {
    const { settled, presumed } = await collectLeaf(deps.ledger, leaf, deps.clock.now(), nonce());
    total.settled += settled;
    total.presumed += presumed;
  }
  return total;
}

/** So few that calls are let through in between. */
const LEAVES_A_PAGE = 25;

export async function* leavesOf(table: Table): AsyncGenerator<ItemKey> {
  for (let list = 0; list < LEAF_LISTS; list += 1) {
    const partition = leafListPartition(list);
    const entries = everyItem((at) => table.query({ partition, limit: LEAVES_A_PAGE, ...at }));
    for await (const entry of entries) yield leafOfListEntry(entry);
  }
}

/**
 * The collector: holds that nobody settled. One with a charge is settled from it (a crash came between the
 * two); one past its lifetime is presumed spent, by writing its charge. Money never comes back on a timer. Leases
 * that lie idle go home to their pools.
 */
import { durationMs, holdId, type EpochMs } from '../brands.ts';
import { everyItem } from '../pages.ts';
import { isApplied, type Clock, type ItemKey, type Table } from '../ports.ts';
import { SLOT_TIME } from './accounts.ts';
import { orphanCharge, presumed } from './charge.ts';
import type { Ledger } from './ledger.ts';
import { HOLDS_MAX } from './reserve-call.ts';
import {
  LEAF_LISTS,
  leafListOf,
  leafListPartition,
  leafOfListEntry,
  LedgerBroken,
  type Hold,
  type Leaf,
} from './leaf.ts';
import { stampAfter, stampedAt, type Nonce } from './stamp.ts';
import { tidyLeases } from './tidy-leases.ts';

/** A call younger than this is left alone: its own process settles it. */
export const SETTLING_TIME = durationMs(60_000);
/** Once this many calls are open on a leaf, those that cannot be running any more are presumed early. */
export const CROWDED = HOLDS_MAX / 2;

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
    // The fence rises to now: an attempt of this call that is still under way must not land afterwards.
    const fence = stampAfter(now, hold.at, nonce);
    if (charge) {
      await ledger.settleFrom(charge, key, { at: hold.at, fence });
      collected.settled += 1;
      continue;
    }
    const reason = whyOverdue(leaf, hold, now);
    if (reason === undefined) continue;
    await ledger.finish({ ...orphanCharge(id, key.pk, hold, fence), ...presumed(hold.i, reason) }, key);
    collected.presumed += 1;
  }
  await tidyLeases(ledger, leaf, now);
  return collected;
}

/** Why a hold is not waited for any longer; undefined for one that is. */
function whyOverdue(leaf: Leaf, hold: Hold, now: EpochMs): string | undefined {
  if (hold.x < BigInt(now))
    return 'its process ended without a charge, and nobody told within a day what it cost';
  const open = Object.keys(leaf.h).length;
  const isEarly = open >= CROWDED && stampedAt(hold.at) + SLOT_TIME < now;
  return isEarly ? `its process ended without a charge, and its caller had ${open} calls open` : undefined;
}

export interface Round extends Collected {
  /** How many were looked at in this run. */
  leaves: number;
  /** False where the time was up first. */
  isComplete: boolean;
  /** A reason for each leaf that was passed by, since it does not balance. */
  broken: string[];
}

/**
 * Every leaf, one after the other, from where the run before stopped; the first whatever the time. Afterwards the
 * table says where the next run goes on, or that it begins anew. Throws TableUnavailable.
 */
export async function collectAll(
  { table, ledger, clock }: { table: Table; ledger: Ledger; clock: Clock },
  nonce: () => Nonce,
  isTimeUp: () => boolean = () => false,
): Promise<Round> {
  const round: Round = { settled: 0, presumed: 0, leaves: 0, isComplete: true, broken: [] };
  const first = await nextLeaf(table);
  let next: ItemKey | undefined;
  for await (const leaf of leavesOf(table, first)) {
    if (round.leaves > 0 && isTimeUp()) {
      next = leaf;
      round.isComplete = false;
      break;
    }
    round.leaves += 1;
    try {
      const { settled, presumed } = await collectLeaf(ledger, leaf, clock.now(), nonce());
      round.settled += settled;
      round.presumed += presumed;
    } catch (error) {
      if (!(error instanceof LedgerBroken)) throw error;
      round.broken.push(error.message);
    }
  }
  if (first ?? next) await goOnAt(table, next);
  return round;
}

/** Where the next run goes on: `leaf` is its key, null for the first. Runs at the same time only repeat each other. */
const POSITION: ItemKey = { pk: 'COLLECTOR', sk: '-' };

async function nextLeaf(table: Table): Promise<ItemKey | undefined> {
  const pk = (await table.get(POSITION))?.['leaf'];
  return typeof pk === 'string' ? { pk, sk: '-' } : undefined;
}

async function goOnAt(table: Table, leaf: ItemKey | undefined): Promise<void> {
  isApplied(await table.put({ item: { ...POSITION, leaf: leaf?.pk ?? null } }));
}

/** So few that calls are let through in between. */
const LEAVES_A_PAGE = 25;

/** All leaves, list by list; from `first` on where it is given. */
export async function* leavesOf(table: Table, first?: ItemKey): AsyncGenerator<ItemKey> {
  const begin = first ? leafListOf(first) : 0;
  for (let list = begin; list < LEAF_LISTS; list += 1) {
    const entries = everyItem((at) =>
      table.query({
        ...{ partition: leafListPartition(list), limit: LEAVES_A_PAGE },
        ...(first && list === begin && { from: first.pk }),
        ...at,
      }),
    );
    for await (const entry of entries) yield leafOfListEntry(entry);
  }
}

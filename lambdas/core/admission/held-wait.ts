/** How long a call that others hold up is to wait, and for what. */
import { durationMs, epochMs, type DurationMs, type EpochMs } from '../brands.ts';
import { isShared, type Cap } from '../caps/cap.ts';
import { SLOT_TIME } from '../ledger/accounts.ts';
import { accountOf, type Books } from '../ledger/books.ts';
import { CROWDED } from '../ledger/collect.ts';
import { isOpen, type Hold, type Leaf } from '../ledger/leaf.ts';
import { stampedAt } from '../ledger/stamp.ts';
import { sumOf } from '../money.ts';
import { SECOND } from '../time.ts';

export interface Queue {
  now: EpochMs;
  /** In [0, 1). */
  jitter: number;
  /** How many wait for the same money, and were here before. */
  ahead: number;
}

/** Nobody is told to come back sooner, or to wait longer for calls in flight. */
const WAIT_MIN = durationMs(100);
const WAIT_MAX = durationMs(30 * SECOND);
/** What many callers hold comes free at no time that one leaf could tell. */
export const SHARED_WAIT = SECOND;

export interface HeldWait {
  waitMs: DurationMs;
  /** Until when it is open what calls cost whose end nobody saw; undefined where the call fits without that. */
  openUntil: EpochMs | undefined;
  /** The caller's own calls in flight hold what is missing. */
  isFreedByOwnCalls: boolean;
}

/** For a call that needs `requested` of the cap. Of a shared cap only the caller's own calls are seen. */
export function heldWait(cap: Cap, books: Books, requested: bigint, queue: Queue): HeldWait {
  const { leaf } = books;
  const { f, s, l } = accountOf(books, cap);
  const holds = Object.values(leaf.h).filter(({ c }) => isHeldNow(leaf, cap, c));
  const heldBy = (some: readonly Hold[]): bigint => sumOf(some.map(({ c }) => c[cap.account]!.n));
  const orphans = holds.filter((hold) => isOrphan(hold, queue.now));
  const orphaned = heldBy(orphans);
  if (s + orphaned + requested > l) {
    const openUntil = epochMs(Math.min(...orphans.map((hold) => presumedFrom(leaf, hold))));
    // Where the collector is due already, it comes within minutes.
    const waitMs = durationMs(Math.max(openUntil - queue.now, WAIT_MAX));
    return { waitMs, openUntil, isFreedByOwnCalls: false };
  }
  const waitMs = isShared(cap) ? SHARED_WAIT : typicalWait(leaf, queue);
  const isFreedByOwnCalls = f + heldBy(holds) - orphaned >= requested;
  return { waitMs, openUntil: undefined, isFreedByOwnCalls };
}

function isHeldNow(leaf: Leaf, cap: Cap, held: Hold['c']): boolean {
  const account = leaf.a[cap.account];
  const amount = held[cap.account];
  return account !== undefined && amount !== undefined && isOpen(account, amount.k);
}

/** No call runs so long: its process is gone, and what it holds is not given back by waiting. */
const isOrphan = ({ at }: Hold, now: EpochMs): boolean => stampedAt(at) + SLOT_TIME < now;

/** When the collector presumes it spent. */
function presumedFrom(leaf: Leaf, { at, x }: Hold): number {
  const isCrowded = Object.keys(leaf.h).length >= CROWDED;
  return isCrowded ? stampedAt(at) + SLOT_TIME : Number(x);
}

/**
 * The median age of calls in flight: about how long one lasts, so about how long until one gives money back; once
 * more for each round of calls that are ahead. Spread up to twofold, so that those who wait together do not come
 * back together. A call that was killed is among them until it is told from a long one: for sixteen minutes a wait may be
 * told too long, and is never more than half a minute.
 */
export function typicalWait(leaf: Leaf, { now, jitter, ahead }: Queue): DurationMs {
  const ages = Object.values(leaf.h)
    .filter((hold) => !isOrphan(hold, now))
    .map(({ at }) => now - stampedAt(at))
    .sort((a, b) => a - b);
  if (ages.length === 0) return WAIT_MAX;
  const median = Math.max(WAIT_MIN, ages[Math.floor(ages.length / 2)]!);
  const rounds = Math.ceil((ahead + 1) / ages.length);
  return durationMs(Math.min(WAIT_MAX, Math.round(median * (rounds + jitter))));
}

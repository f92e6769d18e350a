/**
 * What a reserve is asked and what it answers, and what follows from a call alone: its hold, the bounds of its
 * write, the first lease that is too thin for it.
 */
import type { EpochMs, HoldId } from '../brands.ts';
import { capKeyAt, isShared, type Cap } from '../caps/cap.ts';
import type { ItemKey } from '../ports.ts';
import { DAY, plus } from '../time.ts';
import { amountFor, blockedFrom, isBlocked, prepareLeaf, type AmountByAccount } from './accounts.ts';
import { accountOf, type Books } from './books.ts';
import type { Charge } from './charge.ts';
import type { ReserveBounds } from './expressions.ts';
import {
  isFirstLeaf,
  METRIC_LETTER,
  type Account,
  type Amounts,
  type HeldAmount,
  type HeldCall,
  type Hold,
  type HoldInfo,
  type Leaf,
} from './leaf.ts';
import type { Nonce } from './stamp.ts';

/** Calls in flight a leaf; beyond, the caller is throttled. */
export const HOLDS_MAX = 64;
/** A hold that nobody settled is presumed spent after this. */
export const HOLD_LIFETIME = DAY;

/** What a call would hold of each account, seen against the books as they stand. */
export interface Fit {
  amounts: Amounts;
  /** Output bound behind `amounts`; null where the endpoint has no output. */
  outputTokensMax: bigint | null;
  /** The smallest hold with which the call could run; decides between "held" and "cap reached". */
  smallest: Amounts;
  /** It asked for more than `amounts`, and the books have no more. */
  isLowered: boolean;
  /** Where another model stands in: its card, and its name. */
  info?: Pick<HoldInfo, 'cd' | 'ms'>;
}

export interface ReserveCall {
  leaf: ItemKey;
  /** Random, or a hash of principal and idempotency key. */
  id: HoldId;
  /** SHA-256 of the body where the caller sent an idempotency key. */
  bodyHash: string | undefined;
  /** Every cap over the call, own and shared. */
  caps: readonly Cap[];
  info: Omit<HoldInfo, 'ts' | 'pu' | 'tk' | 'bh' | 'ms'>;
  /** Unique to this invocation. */
  nonce: Nonce;
  fit(books: Books): Fit;
  /** Caps that a stage adds, as the books stand: they are counted on the principal's first leaf alone. */
  rates(books: Books): readonly Cap[];
}

/** In order of precedence. */
export type ReserveOutcome =
  /** The hold stands; the call may be forwarded once. `books` are those after it. */
  | { kind: 'held'; call: HeldCall; books: Books; fit: Fit }
  /** An earlier request with this idempotency key was charged. */
  | { kind: 'recorded'; charge: Charge }
  /** Another request with this idempotency key is in flight. */
  | { kind: 'in_flight'; hold: Hold }
  /** At least one account cannot pay; the books are fresh and say why. */
  | { kind: 'short'; caps: Cap[]; books: Books; fit: Fit }
  /** What is left of this shared cap is spread over more leaves than one call may look at. */
  | { kind: 'undecided'; cap: Cap; books: Books; fit: Fit }
  /** As many calls in flight as a leaf takes, or more at once than it can decide; a moment later it can. */
  | { kind: 'crowded'; leaf: Leaf }
  /** The ledger could not be reached or did not come to rest; nothing may be forwarded. */
  | { kind: 'unavailable'; reason: string };

/** Within the ledger: a rate stands over the call, and its count is kept on the principal's first leaf. */
export type ReserveOnLeaf = ReserveOutcome | { kind: 'elsewhere' };

/** The first shared cap whose lease does not cover the call: none yet, one of an older window, or too little left. */
export function firstThinLease(
  leaf: Leaf,
  pools: ReadonlyMap<string, Account>,
  amounts: readonly AmountByAccount[],
  now: EpochMs,
): Cap | undefined {
  return amounts.find(({ cap, amount }) => {
    if (!isShared(cap)) return false;
    const lease = leaf.a[cap.account];
    return (
      !lease ||
      lease.k < capKeyAt(cap, now) ||
      lease.f < amount ||
      isBlocked(cap, accountOf({ leaf, pools }, cap))
    );
  })?.cap;
}

/** The leaf as the call needs it, rates included; undefined when it already is so. */
export function prepareFor(
  call: ReserveCall,
  leaf: Leaf,
  pools: Books['pools'],
  now: EpochMs,
): Leaf | undefined {
  const prepared = prepareLeaf(leaf, call.caps, now);
  const current = prepared ?? leaf;
  const added = call.rates({ leaf: current, pools });
  if (added.length === 0 || !isFirstLeaf(leaf)) return prepared;
  return prepareLeaf(current, added, now) ?? prepared;
}

export function boundsOf(caps: readonly Cap[], image: Leaf): ReserveBounds {
  const blocked: Record<string, bigint> = {};
  for (const cap of caps) {
    if (isShared(cap)) continue;
    const from = blockedFrom(cap, image.a[cap.account]!);
    if (from !== undefined) blocked[cap.account] = from;
  }
  return { holdsMax: BigInt(HOLDS_MAX), blockedFrom: blocked, stagesSet: image.g };
}

export function holdOf(call: ReserveCall, fit: Fit, image: Leaf, at: bigint, now: EpochMs): Hold {
  const held: Record<string, HeldAmount> = {};
  for (const cap of call.caps) {
    const account = image.a[cap.account]!;
    held[cap.account] = { k: account.k, n: amountFor(cap, fit.amounts), m: METRIC_LETTER[cap.metric] };
  }
  const info: HoldInfo = {
    ...call.info,
    ...fit.info,
    ts: BigInt(now),
    pu: fit.amounts.u,
    tk: fit.amounts.t,
    ...(call.bodyHash === undefined ? {} : { bh: call.bodyHash }),
  };
  return { at, x: BigInt(plus(now, HOLD_LIFETIME)), c: held, i: info };
}

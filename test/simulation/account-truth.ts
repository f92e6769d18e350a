/** What one account has really admitted, by window, recomputed from the holds and charges that the table took. */
import type { Window } from '../../lambdas/core/caps/windows.ts';

export interface Admission {
  at: number;
  /** Held, and once it is settled what was used. */
  amount: bigint;
}

export class AccountTruth {
  private readonly held = new Map<bigint, bigint>();
  private readonly settled = new Map<bigint, bigint>();
  /** Used beyond what was held, by calls whose provider broke its bound. */
  private readonly over = new Map<bigint, bigint>();
  isAdjusted = false;
  /** Of rolling accounts, oldest first. */
  private readonly admissions: Admission[] = [];

  heldIn(key: bigint): bigint {
    return this.held.get(key) ?? 0n;
  }

  settledIn(key: bigint): bigint {
    return this.settled.get(key) ?? 0n;
  }

  usedIn(key: bigint): bigint {
    return this.heldIn(key) + this.settledIn(key);
  }

  overrunIn(key: bigint): bigint {
    return this.over.get(key) ?? 0n;
  }

  hold(key: bigint, amount: bigint): void {
    this.held.set(key, this.heldIn(key) + amount);
  }

  settle(key: bigint, held: bigint, used: bigint): void {
    this.hold(key, -held);
    this.settled.set(key, this.settledIn(key) + used);
    if (used > held) this.over.set(key, this.overrunIn(key) + used - held);
  }

  /** What was settled in a window turns out to have been more, or less. */
  adjust(key: bigint, more: bigint): void {
    this.isAdjusted = true;
    this.settled.set(key, this.settledIn(key) + more);
    if (more > 0n) this.over.set(key, this.overrunIn(key) + more);
  }

  admit(at: number, amount: bigint): Admission {
    const admission = { at, amount };
    this.admissions.push(admission);
    return admission;
  }

  /** Used by calls admitted after an instant. */
  usedSince(instant: number): bigint {
    let sum = 0n;
    for (const { at, amount } of this.admissions) if (at > instant) sum += amount;
    return sum;
  }

  /** Windows in which something was held or settled. */
  *keys(): Generator<bigint> {
    yield* this.held.keys();
  }
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Start of the window that holds the instant, in epoch seconds. In UTC, and by the auditor's own arithmetic. */
export function keyAt(window: Window, instant: number): bigint {
  const floor = (length: number, offset = 0): bigint =>
    BigInt((Math.floor((instant - offset) / length) * length + offset) / SECOND);
  if (window.kind === 'lifetime') return 0n;
  if (window.kind === 'rolling') return floor(window.bucketMs);
  switch (window.calendar.unit) {
    case 'minute':
      return floor(MINUTE);
    case 'hour':
      return floor(HOUR);
    case 'day':
      return floor(DAY);
    case 'week':
      return floor(7 * DAY, 4 * DAY); // the epoch began on a Thursday
    case 'month': {
      const date = new Date(instant);
      return BigInt(Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / SECOND);
    }
  }
}

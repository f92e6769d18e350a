/** Where a window goes at the pace so far: an estimate for people, by which nothing is ever decided. */
import { epochMs, type EpochMs } from '../brands.ts';
import { divCeil, divFloor } from '../money.ts';
import { DAY, type CalendarUnit } from '../time.ts';
import type { Cap } from './cap.ts';

export interface Pace {
  perDay: bigint;
  atEnd: bigint;
}

/**
 * Of calendar windows of a day or longer: a lifetime has no end to come to, a rolling window none that is fixed, and
 * what a minute or an hour brings is no outlook.
 */
export interface WindowSpan {
  begun: EpochMs;
  ends: EpochMs;
}

const PACED: readonly CalendarUnit[] = ['day', 'week', 'month'];

export function spanOfWindow(cap: Cap, key: bigint, ends: EpochMs | null): WindowSpan | undefined {
  if (cap.window.kind !== 'calendar' || ends === null) return undefined;
  if (!PACED.includes(cap.window.calendar.unit)) return undefined;
  return { begun: epochMs(Number(key) * 1000), ends };
}

/** Undefined where no time is gone, or all of it. */
export function paceOf(settled: bigint, { begun, ends }: WindowSpan, now: EpochMs): Pace | undefined {
  if (now <= begun || ends <= now) return undefined;
  const gone = BigInt(now - begun);
  return {
    perDay: divFloor(settled * BigInt(DAY), gone),
    atEnd: divFloor(settled * BigInt(ends - begun), gone),
  };
}

/** When an amount is used up at the pace so far; undefined where the window ends before. */
export function usedUpAt(
  amount: bigint,
  settled: bigint,
  { begun, ends }: WindowSpan,
  now: EpochMs,
): EpochMs | undefined {
  if (settled <= 0n || now <= begun) return undefined;
  const at = epochMs(begun + Number(divCeil(amount * BigInt(now - begun), settled)));
  return at < ends ? at : undefined;
}

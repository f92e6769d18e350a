/** UTC days of bills, however their instants are written. */
import { epochMs, type EpochMs } from '../../core/brands.ts';
import { dayOf } from '../../core/ledger/charge.ts';
import { DAY, parseRfc3339 } from '../../core/time.ts';
import { UnreadableBill } from './bill.ts';

/** `2026-09-01`, `2026-09-01T10:00:00Z`, `2026-09-01 10:00:00.000`: exports write UTC, with or without saying so. */
const DATE =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|\+00:00| UTC)?)?$/;

export function dayOfText(text: string, what: string): string {
  const day = DATE.exec(text)?.[1];
  if (day === undefined || parseRfc3339(`${day}T00:00:00Z`) === undefined)
    throw new UnreadableBill(`${what} is no day: ${JSON.stringify(text)}`);
  return day;
}

/** Unix seconds. */
export const instantOfSeconds = (seconds: bigint): EpochMs => epochMs(Number(seconds) * 1000);

export function instantOfText(text: string, what: string): EpochMs {
  const at = parseRfc3339(text);
  if (at === undefined) throw new UnreadableBill(`${what} is no instant: ${JSON.stringify(text)}`);
  return at;
}

/** The day of a bucket, which must not reach beyond it. `to` is exclusive. */
export function dayOfBucket(from: EpochMs, to: EpochMs): string {
  const day = dayOf(from);
  if (to <= from || to - from > DAY || dayOf(epochMs(to - 1)) !== day)
    throw new UnreadableBill(`has a span of time that is no part of one UTC day, from ${day}: ask for days`);
  return day;
}

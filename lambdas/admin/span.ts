/** A span of time as the API is asked for one. */
import { durationMs, epochMs, type EpochMs } from '../core/brands.ts';
import type { Span } from '../core/ledger/charges-between.ts';
import { DAY, parseRfc3339, plus } from '../core/time.ts';
import { Problem } from './problems.ts';

const SPAN_DEFAULT = durationMs(31 * DAY);
export const SPAN_DAYS_MAX = 366;

/** 31 days before `to`, and until now, where nothing is said. */
export function spanOf(
  given: { from?: string | undefined; to?: string | undefined },
  now: EpochMs,
  daysMax = SPAN_DAYS_MAX,
): Span {
  // What happens while we read is in the span or not: the end is exclusive, hence the 1.
  const to = instantOf('to', given.to) ?? plus(now, durationMs(1));
  const from = instantOf('from', given.from) ?? epochMs(to - SPAN_DEFAULT);
  if (from > to) throw new Problem('invalid_request', 'from: is after to');
  if (to - from > daysMax * DAY)
    throw new Problem('invalid_request', `from: at most ${daysMax} days before to`);
  return { from, to };
}

function instantOf(name: string, text: string | undefined): EpochMs | undefined {
  if (text === undefined) return undefined;
  const at = parseRfc3339(text);
  if (at === undefined)
    throw new Problem('invalid_request', `${name}: use an instant such as 2026-11-01T00:00:00Z`);
  return at;
}

/** For how long an approver may raise a cap on the page: a few lengths that end before the window does, and the window. */
import { durationMs, type DurationMs, type EpochMs } from '../core/brands.ts';
import type { GrantRecord } from '../core/grants/grant.ts';
import { instantWords } from '../core/mail-words.ts';
import { DAY, HOUR, plus } from '../core/time.ts';

export interface Choice {
  value: string;
  label: string;
  expiresAt: EpochMs;
}

const LENGTHS: [value: string, label: string, length: DurationMs][] = [
  ['1h', 'for an hour', HOUR],
  ['24h', 'for 24 hours', DAY],
  ['7d', 'for 7 days', durationMs(7 * DAY)],
  ['30d', 'for 30 days', durationMs(30 * DAY)],
];

/** The first is the one that is offered. */
export function choicesFor({ window, windowEnds }: GrantRecord, now: EpochMs): Choice[] {
  const isBound = windowEnds !== null && !window.startsWith('rolling_');
  const lengths = LENGTHS.map(([value, label, length]) => ({ value, label, expiresAt: plus(now, length) }));
  if (!isBound) return [lengths[1]!, ...lengths.filter(({ value }) => value !== '24h')];
  const until = `until the window ends, ${instantWords(windowEnds)}`;
  const shorter = lengths.filter(({ expiresAt }) => expiresAt < windowEnds);
  return [{ value: 'window', label: until, expiresAt: windowEnds }, ...shorter];
}

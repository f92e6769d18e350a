/** Quiet hours: when a span of every day ends, by the wall clock of its zone. */
import { expect, test } from 'vitest';
import { endOfDailySpan, parseRfc3339, toRfc3339, type DailySpan } from '../../lambdas/core/time.ts';

const end = (span: DailySpan, at: string): string | undefined => {
  const found = endOfDailySpan(span, parseRfc3339(at)!);
  return found === undefined ? undefined : toRfc3339(found);
};
const NIGHT = { from: '22:00', to: '07:00', timeZone: 'UTC' };
const LUNCH = { from: '12:00', to: '13:00', timeZone: 'UTC' };
const BERLIN = { ...NIGHT, timeZone: 'Europe/Berlin' };

test.each<[string, DailySpan, string, string | undefined]>([
  ['before it', NIGHT, '2026-11-24T21:59:59Z', undefined],
  ['as it begins', NIGHT, '2026-11-24T22:00:00Z', '2026-11-25T07:00:00Z'],
  ['past midnight', NIGHT, '2026-11-25T03:00:00Z', '2026-11-25T07:00:00Z'],
  ['as it ends', NIGHT, '2026-11-25T07:00:00Z', undefined],
  ['within one day', LUNCH, '2026-11-24T12:30:00Z', '2026-11-24T13:00:00Z'],
  ['after it, within one day', LUNCH, '2026-11-24T13:00:00Z', undefined],
  ['before it, within one day', LUNCH, '2026-11-24T11:59:00Z', undefined],
  ['over the turn of the year', NIGHT, '2026-12-31T23:00:00Z', '2027-01-01T07:00:00Z'],
  ['by the clock of its zone', BERLIN, '2026-11-24T21:00:00Z', '2026-11-25T06:00:00Z'],
  ['the night in which the clock is set forward', BERLIN, '2026-03-28T22:00:00Z', '2026-03-29T05:00:00Z'],
  ['the night in which it is set back', BERLIN, '2026-10-24T21:00:00Z', '2026-10-25T06:00:00Z'],
  [
    'an end that the clock leaves out',
    { ...BERLIN, to: '02:30' },
    '2026-03-28T22:00:00Z',
    '2026-03-29T01:30:00Z',
  ],
])('%s', (_what, span, at, expected) => {
  expect(end(span, at)).toBe(expected);
});

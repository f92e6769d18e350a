import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { epochMs } from '../../lambdas/core/brands.ts';
import { parseRfc3339, toRfc3339 } from '../../lambdas/core/time.ts';
import {
  parseWindow,
  resetsAt,
  windowKeyAt,
  windowName,
  windowWords,
} from '../../lambdas/core/caps/windows.ts';

const at = (text: string) => parseRfc3339(text)!;
const window = (name: string, timeZone = 'UTC', anchorDay = 1) => parseWindow(name, { timeZone, anchorDay })!;
const startOf = (name: string, now: string, timeZone?: string, anchorDay?: number) =>
  toRfc3339(epochMs(Number(windowKeyAt(window(name, timeZone, anchorDay), at(now))) * 1000));
const resetOf = (name: string, now: string, timeZone?: string, anchorDay?: number) =>
  toRfc3339(resetsAt(window(name, timeZone, anchorDay), at(now))!);

describe('windows', () => {
  test.each([
    ['month', ' a month'],
    ['hour', ' an hour'],
    ['rolling_1h', ' in any hour'],
    ['rolling_24h', ' in any 24 hours'],
    ['rolling_1d', ' in any day'],
    ['rolling_7d', ' in any 7 days'],
    ['lifetime', ' in all'],
  ])('%s is told as%s', (window, words) => {
    expect(windowWords(window)).toBe(words);
  });

  // Name, zone, anchor, now -> start, end. Instants worked out by hand from the zones' published offsets.
  test.each([
    ['minute', 'UTC', 1, '2026-11-24T12:34:56Z', '2026-11-24T12:34:00Z', '2026-11-24T12:35:00Z'],
    ['hour', 'Asia/Kolkata', 1, '2026-11-24T12:34:56Z', '2026-11-24T12:30:00Z', '2026-11-24T13:30:00Z'],
    ['day', 'UTC', 1, '2026-11-24T00:00:00Z', '2026-11-24T00:00:00Z', '2026-11-25T00:00:00Z'],
    ['day', 'Europe/Helsinki', 1, '2026-11-24T23:00:00Z', '2026-11-24T22:00:00Z', '2026-11-25T22:00:00Z'],
    // Clocks go forward on 2026-03-29 in Helsinki: a day of 23 hours; back on 2026-10-25: 25 hours.
    ['day', 'Europe/Helsinki', 1, '2026-03-29T12:00:00Z', '2026-03-28T22:00:00Z', '2026-03-29T21:00:00Z'],
    ['day', 'Europe/Helsinki', 1, '2026-10-25T12:00:00Z', '2026-10-24T21:00:00Z', '2026-10-25T22:00:00Z'],
    // The hour that happens twice is two windows.
    ['hour', 'Europe/Helsinki', 1, '2026-10-25T00:30:00Z', '2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z'],
    ['hour', 'Europe/Helsinki', 1, '2026-10-25T01:30:00Z', '2026-10-25T01:00:00Z', '2026-10-25T02:00:00Z'],
    // 2026-11-24 is a Tuesday.
    ['week', 'UTC', 1, '2026-11-24T12:00:00Z', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['week', 'UTC', 7, '2026-11-24T12:00:00Z', '2026-11-22T00:00:00Z', '2026-11-29T00:00:00Z'],
    ['week', 'UTC', 2, '2026-11-24T12:00:00Z', '2026-11-24T00:00:00Z', '2026-12-01T00:00:00Z'],
    ['month', 'UTC', 1, '2026-11-24T12:00:00Z', '2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z'],
    ['month', 'UTC', 28, '2026-11-24T12:00:00Z', '2026-10-28T00:00:00Z', '2026-11-28T00:00:00Z'],
    ['month', 'America/New_York', 1, '2026-12-01T04:59:59Z', '2026-11-01T04:00:00Z', '2026-12-01T05:00:00Z'],
    ['month', 'UTC', 15, '2027-01-03T00:00:00Z', '2026-12-15T00:00:00Z', '2027-01-15T00:00:00Z'],
  ])('%s in %s from day %i at %s starts %s and ends %s', (name, zone, anchor, now, start, end) => {
    expect(startOf(name, now, zone, anchor)).toBe(start);
    expect(resetOf(name, now, zone, anchor)).toBe(end);
  });

  test('a rolling window gives money back when its oldest spent bucket is wholly outside', () => {
    const rolling = window('rolling_24h');
    const now = at('2026-11-24T12:34:56Z');
    expect(startOf('rolling_24h', '2026-11-24T12:34:56Z')).toBe('2026-11-24T12:00:00Z');
    expect(toRfc3339(resetsAt(rolling, now, [])!)).toBe('2026-11-25T13:00:00Z');
    const tenOClock = BigInt(at('2026-11-24T10:00:00Z') / 1000);
    expect(toRfc3339(resetsAt(rolling, now, [tenOClock])!)).toBe('2026-11-25T11:00:00Z');
  });

  test('a lifetime has one key and never resets', () => {
    expect(windowKeyAt(window('lifetime'), at('2026-11-24T12:00:00Z'))).toBe(0n);
    expect(resetsAt(window('lifetime'), at('2026-11-24T12:00:00Z'))).toBeNull();
  });

  test.each(['minute', 'hour', 'day', 'week', 'month', 'lifetime', 'rolling_5h', 'rolling_7d'])(
    '%s keeps its name',
    (name) => {
      expect(windowName(window(name))).toBe(name);
    },
  );

  test.each(['', 'year', 'Month', 'rolling_0h', 'rolling_49h', 'rolling_1m', 'rolling_h', 'rolling_01h'])(
    '%j is no window',
    (name) => {
      expect(parseWindow(name, { timeZone: 'UTC', anchorDay: 1 })).toBeUndefined();
    },
  );

  test('keys never go back as time goes on, in any zone', () => {
    const zones = ['UTC', 'Europe/Helsinki', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia'];
    const names = ['minute', 'hour', 'day', 'week', 'month', 'rolling_3h'];
    const moment = fc.integer({ min: Date.UTC(2025, 0), max: Date.UTC(2028, 0) });
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...names),
        moment,
        moment,
        (zone, name, a, b) => {
          const [earlier, later] = a < b ? [a, b] : [b, a];
          const shape = window(name, zone);
          return windowKeyAt(shape, epochMs(earlier)) <= windowKeyAt(shape, epochMs(later));
        },
      ),
    );
  });
});

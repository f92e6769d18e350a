import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../lambdas/core/brands.ts';
import { priceUsage } from '../../../lambdas/core/pricing/calculator.ts';
import { parseRfc3339 } from '../../../lambdas/core/time.ts';
import { testCard, testUsage } from './cards-for-tests.ts';

const at = (text: string): EpochMs => parseRfc3339(text)!;
const peak = testCard({
  rates: { input: '1' },
  periods: [
    { from: '01:00', to: '04:00', weekdays: [1, 2, 3, 4, 5], factor: '2' },
    { from: '06:00', to: '10:00', weekdays: [1, 2, 3, 4, 5], factor: '2' },
  ],
});
const LIST = 1_000_000n;
const DOUBLE = 2_000_000n;

describe('prices by the time of the day', () => {
  // 2026-08-21 is a Friday, 2026-08-22 a Saturday.
  it.each<[string, string, string, bigint]>([
    ['before the peak', '2026-08-21T00:59:59.999Z', '2026-08-21T00:59:59.999Z', LIST],
    ['at its first instant', '2026-08-21T01:00:00Z', '2026-08-21T01:00:00Z', DOUBLE],
    ['within', '2026-08-21T02:00:00Z', '2026-08-21T02:10:00Z', DOUBLE],
    ['at its end, which is exclusive', '2026-08-21T04:00:00Z', '2026-08-21T04:00:00Z', LIST],
    ['begun before, ended within', '2026-08-21T00:50:00Z', '2026-08-21T01:05:00Z', DOUBLE],
    ['begun within, ended after', '2026-08-21T03:59:00Z', '2026-08-21T04:05:00Z', DOUBLE],
    ['around a whole peak', '2026-08-21T00:00:00Z', '2026-08-21T05:00:00Z', DOUBLE],
    ['the second peak', '2026-08-21T06:30:00Z', '2026-08-21T06:30:01Z', DOUBLE],
    ['between the peaks', '2026-08-21T05:00:00Z', '2026-08-21T05:30:00Z', LIST],
    ['Saturday', '2026-08-22T02:00:00Z', '2026-08-22T02:30:00Z', LIST],
    ['Sunday', '2026-08-23T02:00:00Z', '2026-08-23T02:30:00Z', LIST],
    ['Monday', '2026-08-24T02:00:00Z', '2026-08-24T02:30:00Z', DOUBLE],
    ['from Sunday into Monday', '2026-08-23T23:00:00Z', '2026-08-24T01:30:00Z', DOUBLE],
  ])('%s', (_, from, to, expected) => {
    const pricing = priceUsage(peak, testUsage({ input: 1n }), { time: { from: at(from), to: at(to) } });
    expect(pricing).toMatchObject({ totalPicoUsd: expected });
  });

  it('counts a period that begins at the very end of the call', () => {
    const early = testCard({ rates: { input: '1' }, periods: [{ from: '00:00', to: '01:30', factor: '2' }] });
    const total = (from: string, to: string) =>
      priceUsage(early, testUsage({ input: 1n }), { time: { from: at(from), to: at(to) } });
    expect(total('2026-08-20T23:59:00Z', '2026-08-21T00:00:00Z')).toMatchObject({ totalPicoUsd: DOUBLE });
    expect(total('2026-08-21T01:29:00Z', '2026-08-21T01:29:30Z')).toMatchObject({ totalPicoUsd: DOUBLE });
    expect(total('2026-08-21T01:30:00Z', '2026-08-21T01:31:00Z')).toMatchObject({ totalPicoUsd: LIST });
  });

  it('takes the dearer of two cheap periods that follow each other', () => {
    const cheap = testCard({
      rates: { input: '1' },
      periods: [
        { from: '01:00', to: '02:00', factor: '0.25' },
        { from: '02:00', to: '03:00', factor: '0.5' },
      ],
    });
    const time = { from: at('2026-08-21T01:59:00Z'), to: at('2026-08-21T02:01:00Z') };
    expect(priceUsage(cheap, testUsage({ input: 1n }), { time })).toMatchObject({ totalPicoUsd: 500_000n });
  });

  it('takes the dearest where no time is given', () => {
    expect(priceUsage(peak, testUsage({ input: 1n }))).toMatchObject({ totalPicoUsd: DOUBLE });
  });

  it('lowers the price only for a call that began and ended in a cheap period', () => {
    const night = testCard({
      rates: { input: '1' },
      periods: [{ from: '00:00', to: '06:00', factor: '0.5' }],
    });
    const total = (from: string, to: string) =>
      priceUsage(night, testUsage({ input: 1n }), { time: { from: at(from), to: at(to) } });
    expect(total('2026-08-21T01:00:00Z', '2026-08-21T02:00:00Z')).toMatchObject({ totalPicoUsd: 500_000n });
    expect(total('2026-08-21T05:59:00Z', '2026-08-21T06:01:00Z')).toMatchObject({ totalPicoUsd: LIST });
    expect(priceUsage(night, testUsage({ input: 1n }))).toMatchObject({ totalPicoUsd: LIST });
  });
});

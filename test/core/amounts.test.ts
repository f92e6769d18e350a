import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inMetric, parseInMetric, withUnit } from '../../lambdas/core/caps/amounts.ts';
import type { Metric } from '../../lambdas/core/caps/cap.ts';

describe('an amount as text', () => {
  it.each<[Metric, string, bigint]>([
    ['usd', '20.00', 20_000_000_000_000n],
    ['usd', '0.0075', 7_500_000_000n],
    ['usd', '0.00', 0n],
    ['usd', '0.000000000001', 1n],
    ['tokens', '1000000', 1_000_000n],
    ['requests', '60', 60n],
    ['concurrent', '2', 2n],
    ['tokens', '0', 0n],
  ])('%s %s is read and printed', (metric, text, amount) => {
    expect(parseInMetric(metric, text)).toBe(amount);
    expect(inMetric(metric, amount)).toBe(text);
  });

  it.each<[Metric, string, string]>([
    ['usd', '1', '$1'],
    ['requests', '1', '1 request'],
    ['requests', '60', '60 requests'],
    ['tokens', '1', '1 token'],
    ['tokens', '0', '0 tokens'],
    ['concurrent', '1', '1 call in flight'],
    ['concurrent', '3', '3 calls in flight'],
  ])('of %s, %s is told to people as %s', (metric, amount, words) => {
    expect(withUnit(metric, amount)).toBe(words);
  });

  it.each<[Metric, string, string]>([
    ['usd', '20', '20.00'],
    ['usd', '20.5', '20.50'],
    ['usd', '20.500', '20.50'],
  ])('%s %s is printed in canonical form as %s', (metric, plain, canonical) => {
    expect(inMetric(metric, parseInMetric(metric, plain)!)).toBe(canonical);
  });

  it.each<[Metric, string]>([
    ['usd', ''],
    ['usd', '-1'],
    ['usd', '+1'],
    ['usd', '$20'],
    ['usd', '1e3'],
    ['usd', '1,000'],
    ['usd', '.5'],
    ['usd', '20.'],
    ['usd', ' 20'],
    ['usd', '020'],
    ['usd', '0.0000000000001'],
    ['usd', 'Infinity'],
    ['tokens', '1.5'],
    ['requests', '60.00'],
    ['requests', '-1'],
    ['concurrent', '1e1'],
    ['concurrent', '02'],
    ['tokens', '٣'],
    ['tokens', ''],
  ])('%s %j is none', (metric, text) => {
    expect(parseInMetric(metric, text)).toBeUndefined();
  });

  // DynamoDB keeps 38 digits of a number; an account adds limits, overage and grants up.
  it.each<[Metric, string]>([
    ['usd', '9'.repeat(40)],
    ['usd', '9'.repeat(26)],
    ['tokens', '9'.repeat(40)],
  ])('%s %s is more than the table can hold', (metric, text) => {
    expect(parseInMetric(metric, text)).toBeUndefined();
  });

  it('dollars keep each picodollar on the way to text and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), (amount) => {
        expect(parseInMetric('usd', inMetric('usd', amount))).toBe(amount);
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import {
  decimal,
  isLess,
  larger,
  over,
  parseDecimal,
  smaller,
  sum,
  toDecimalText,
  whole,
} from '../../../lambdas/core/pricing/ratio.ts';

describe('ratio', () => {
  it.each(['', '-1', '+1', '1.', '.5', '01', '1e3', ' 1', 'NaN', 'Infinity'])(
    'reads no decimal in %j',
    (text) => {
      expect(parseDecimal(text)).toBeUndefined();
      expect(() => decimal(text)).toThrow('not a decimal');
    },
  );

  it('keeps decimals exactly', () => {
    expect(decimal('0.003625')).toEqual({ n: 3625n, d: 1_000_000n });
    expect(sum(decimal('0.1'), decimal('0.2'))).toEqual(decimal('0.3'));
    expect(sum(decimal('0.25'), whole(1n))).toEqual({ n: 125n, d: 100n });
  });

  it('adds up what no decimal ends', () => {
    expect(sum({ n: 1n, d: 3n }, { n: 1n, d: 2n })).toEqual({ n: 5n, d: 6n });
    expect(sum({ n: 1n, d: 2n }, { n: 1n, d: 6n })).toEqual({ n: 4n, d: 6n });
    expect(sum({ n: 1n, d: 6n }, { n: 1n, d: 2n })).toEqual({ n: 4n, d: 6n });
  });

  it('keeps sums of decimals as short as their longest term, however many there are', () => {
    let total = whole(0n);
    for (let i = 0; i < 1000; i++)
      for (const text of ['0.1', '0.0001', '1', '0.01']) total = sum(total, decimal(text));
    expect(total).toEqual({ n: 11_101_000n, d: 10_000n });
  });

  it('compares', () => {
    expect(isLess({ n: 1n, d: 3n }, { n: 34n, d: 100n })).toBe(true);
    expect(isLess({ n: 1n, d: 2n }, { n: 2n, d: 4n })).toBe(false);
    expect(larger(whole(1n), whole(2n))).toEqual(whole(2n));
    expect(smaller(whole(1n), whole(2n))).toEqual(whole(1n));
  });

  it('divides by what is positive only', () => {
    expect(over(whole(37n), decimal('0.5'))).toEqual({ n: 370n, d: 5n });
    expect(() => over(whole(1n), whole(0n))).toThrow('not positive');
  });

  it.each([
    [{ n: 3n, d: 2n }, '1.5'],
    [{ n: 1n, d: 3n }, '0.333333'],
    [{ n: 2n, d: 3n }, '0.666666'],
    [{ n: 10n, d: 1n }, '10'],
    [{ n: 0n, d: 7n }, '0'],
    [{ n: 110n, d: 100n }, '1.1'],
  ])('prints %o as %s', (value, text) => {
    expect(toDecimalText(value, 6)).toBe(text);
  });
});

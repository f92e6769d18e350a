import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { divCeil, divFloor, formatUsd, parseUsd, usd } from '../../lambdas/core/money.ts';

describe('money', () => {
  test.each([
    ['20', 20_000_000_000_000n, '20.00'],
    ['20.00', 20_000_000_000_000n, '20.00'],
    ['0.0075', 7_500_000_000n, '0.0075'],
    ['0.000000000001', 1n, '0.000000000001'],
    ['1234567.891', 1_234_567_891_000_000_000n, '1234567.891'],
    ['0', 0n, '0.00'],
  ])('%s dollars are %s picodollars and print as %s', (text, pico, canonical) => {
    expect(parseUsd(text)).toBe(pico);
    expect(formatUsd(picoUsd(pico))).toBe(canonical);
  });

  test.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '-1',
    '01',
    '1.',
    '.5',
    '1e3',
    '0x1',
    '1,000',
    '0.0000000000001',
    'NaN',
    '١',
  ])('refuses %j', (text) => {
    expect(parseUsd(text)).toBeUndefined();
    expect(() => usd(text)).toThrow('not a dollar amount');
  });

  test('prints a debt with its sign', () => {
    expect(formatUsd(picoUsd(-7_500_000_000n))).toBe('-0.0075');
  });

  test('what is printed reads back exactly', () => {
    fc.assert(fc.property(fc.bigInt(0n, 10n ** 30n), (pico) => parseUsd(formatUsd(picoUsd(pico))) === pico));
  });

  test.each([
    [7n, 2n, 4n, 3n],
    [8n, 2n, 4n, 4n],
    [-7n, 2n, -3n, -4n],
    [0n, 5n, 0n, 0n],
  ])('%s / %s rounds up to %s and down to %s', (dividend, divisor, up, down) => {
    expect(divCeil(dividend, divisor)).toBe(up);
    expect(divFloor(dividend, divisor)).toBe(down);
  });

  test('a divisor that is not positive is a bug', () => {
    expect(() => divCeil(1n, 0n)).toThrow(RangeError);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PER, rateText } from '../../lambdas/adapters/price-feeds/feed-number.ts';
import { decimal } from '../../lambdas/core/pricing/ratio.ts';

describe('a price of a feed', () => {
  it.each([
    // LiteLLM: dollars a token, as Python writes them.
    ['1.25e-07', 'token', '0.125'],
    ['4e-06', 'token', '4'],
    ['0.000015', 'token', '15'],
    ['3.75e-06', 'token', '3.75'],
    ['0.0', 'token', '0'],
    // OpenRouter: with the noise of somebody's arithmetic.
    ['0.00000012500000000000002', 'token', '0.125'],
    ['0.00000029999999999999999', 'token', '0.3'],
    ['0.0000025', 'token', '2.5'],
    // AWS: ten decimals a thousand tokens.
    ['0.0008000000', 'thousandTokens', '0.8'],
    ['0.0000350000', 'thousandTokens', '0.035'],
    // genai-prices and models.dev.
    ['0.003625', 'millionTokens', '0.003625'],
    ['600', 'millionTokens', '600'],
    ['1E2', 'millionTokens', '100'],
    ['0.1234567890125', 'millionTokens', '0.123456789013'],
  ] as const)('%s a %s is %s dollars a million', (text, per, expected) => {
    expect(rateText(text, per)).toBe(expected);
  });

  it.each([
    '-1',
    '',
    ' 1',
    '1 ',
    '.5',
    '1.',
    '0x10',
    '1e999',
    '1e-40',
    '1,5',
    'NaN',
    'Infinity',
    '1_000',
    '9'.repeat(40),
  ])('%j is none', (text) => {
    expect(rateText(text, 'token')).toBeUndefined();
  });

  it('is exact wherever it has no more than twelve digits', () => {
    const units = fc.constantFrom(...(Object.keys(PER) as (keyof typeof PER)[]));
    fc.assert(
      fc.property(
        fc.bigInt(1n, 999_999_999n),
        fc.integer({ min: -9, max: -7 }),
        units,
        (digits, exponent, per) => {
          const { n, d } = decimal(rateText(`${digits}e${exponent}`, per) ?? 'none');
          expect(n * 10n ** BigInt(-exponent)).toBe(digits * 10n ** BigInt(PER[per]) * d);
        },
      ),
    );
  });
});

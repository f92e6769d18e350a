import { describe, expect, it } from 'vitest';
import { pricesCondition, priceCardSchema } from '../../../lambdas/core/pricing/card.ts';
import { testCard } from './cards-for-tests.ts';

const valid = {
  id: 'openai/m@2026-01-01',
  provider: 'openai',
  model: 'm',
  endpoints: ['openai-chat'],
  rates: { input: '2.5' },
  limits: { contextTokens: '128000', maxOutputTokens: '16384' },
  effectiveFrom: '2026-01-01',
  checkedOn: '2026-01-02',
  sources: ['https://example.com'],
};

describe('price card', () => {
  it('fills in what is left out, and reads counts from text', () => {
    expect(priceCardSchema.parse(valid)).toEqual({
      ...valid,
      aliases: [],
      tiers: [],
      multipliers: [],
      variants: [],
      periods: [],
      fees: {},
      listRateConditions: [],
      limits: { contextTokens: 128_000n, maxOutputTokens: 16_384n },
      bounds: { bytesPerTokenFloor: '1', hiddenInputTokens: 0n },
    });
  });

  it.each<[string, object]>([
    ['a price as a number', { rates: { input: 2.5 } }],
    ['a negative price', { rates: { input: '-1' } }],
    ['an exponent', { rates: { input: '1e3' } }],
    ['a leading zero', { rates: { input: '02' } }],
    ['an empty price', { rates: { input: '' } }],
    ['an unknown kind', { rates: { inputs: '1' } }],
    ['an unknown member', { price: '1' }],
    ['a count as a number', { limits: { contextTokens: 128000, maxOutputTokens: '1' } }],
    ['no limits', { limits: undefined }],
    ['no source', { sources: [] }],
    ['a source that is no address', { sources: ['the page'] }],
    ['no date', { effectiveFrom: undefined }],
    ['a day that does not exist', { effectiveFrom: '2026-02-30', id: 'openai/m@2026-02-30' }],
    ['another id', { id: 'openai/m@2026-01-02' }],
    ['no endpoint', { endpoints: [] }],
    ['a factor of zero', { multipliers: [{ when: 'usage.speed=fast', factor: '0' }] }],
    ['a condition without a value', { multipliers: [{ when: 'usage.speed', factor: '2' }] }],
    ['a condition from nowhere', { multipliers: [{ when: 'speed=fast', factor: '2' }] }],
    [
      'a tier by another count',
      {
        tiers: [{ basis: 'output_tokens', op: 'gt', threshold: '1', rates: {} }],
      },
    ],
    [
      'a tier with another operator',
      {
        tiers: [{ basis: 'total_input_tokens', op: '>', threshold: '1', rates: {} }],
      },
    ],
    ['a period that ends before it begins', { periods: [{ from: '04:00', to: '01:00', factor: '2' }] }],
    ['an hour that does not exist', { periods: [{ from: '04:00', to: '25:00', factor: '2' }] }],
    ['a fee for nothing', { fees: { web_search: { usd: '10', per: '0' } } }],
  ])('refuses %s', (_, change) => {
    expect(priceCardSchema.safeParse({ ...valid, ...change }).success).toBe(false);
  });

  it('knows which conditions it prices', () => {
    const card = testCard({
      multipliers: [{ when: 'response.service_tier=priority', factor: '2' }],
      variants: [{ when: 'usage.speed=fast', rates: {} }],
      listRateConditions: ['usage.trafficType=PROVISIONED'],
    });
    const priced = (text: string) => pricesCondition(card, text);
    expect(priced('response.service_tier=default')).toBe(true);
    expect(priced('response.service_tier=priority')).toBe(true);
    expect(priced('usage.speed=fast')).toBe(true);
    expect(priced('usage.trafficType=PROVISIONED')).toBe(true);
    expect(priced('response.service_tier=flex')).toBe(false);
    expect(priced('usage.service_tier=priority')).toBe(false);
  });
});

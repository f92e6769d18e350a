import { describe, expect, it } from 'vitest';
import type { PriceCard, Rates, TokenKind } from '../../../lambdas/core/pricing/card.ts';
import { priceUsage } from '../../../lambdas/core/pricing/calculator.ts';
import { decimal, isLess, over, type Ratio } from '../../../lambdas/core/pricing/ratio.ts';
import { parseRfc3339 } from '../../../lambdas/core/time.ts';
import { reviewedCards, reviewedPrices } from '../../../prices/reviewed.ts';
import { testUsage } from './cards-for-tests.ts';

const at = parseRfc3339('2026-11-24T00:00:00Z')!;
const HOSTS = new Set(['raw.githubusercontent.com', 'models.dev', 'developers.openai.com']);

/** Each set of rates that a card can charge, by what it is called. */
function rateSets(card: PriceCard): [string, Rates][] {
  const sets: [string, Rates][] = [['list', card.rates]];
  const addTiers = (name: string, base: Rates, tiers: PriceCard['tiers']) => {
    for (const tier of tiers) sets.push([`${name} from ${tier.threshold}`, { ...base, ...tier.rates }]);
  };
  addTiers('list', card.rates, card.tiers);
  for (const { when, rates, tiers } of card.variants) {
    sets.push([when, { ...card.rates, ...rates }]);
    addTiers(when, { ...card.rates, ...rates }, tiers);
  }
  return sets;
}

/** low <= a / b <= high. */
function isWithin(a: string, b: string, low: string, high: string): boolean {
  const share: Ratio = over(decimal(a), decimal(b));
  return !isLess(share, decimal(low)) && !isLess(decimal(high), share);
}

// Gates of reference/prices.md 3.3 and 3.4.
describe.each(reviewedCards.map((card) => [card.id, card] as const))('%s', (_, card) => {
  it('has sources and was checked after it came into force', () => {
    for (const source of card.sources) expect(HOSTS).toContain(new URL(source).host);
    expect(card.sources.length).toBeGreaterThanOrEqual(2);
    expect(card.checkedOn >= card.effectiveFrom).toBe(true);
    expect(card.checkedOn <= '2026-12-31').toBe(true);
  });

  it('has a price for what it is asked for', () => {
    const kinds: TokenKind[] = Object.keys(card.rates).length === 0 ? [] : ['input'];
    const makesImages = card.endpoints.includes('openai-images');
    if (card.limits.maxOutputTokens > 0n) kinds.push(makesImages ? 'output_image' : 'output');
    for (const kind of kinds) expect(card.rates).toHaveProperty(kind);
    expect(kinds.length + Object.keys(card.fees).length).toBeGreaterThan(0);
    expect(card.limits.contextTokens >= card.limits.maxOutputTokens).toBe(true);
    if (kinds.length > 0) expect(card.limits.contextTokens).toBeGreaterThanOrEqual(8_000n);
  });

  it('has rates within the gates', () => {
    for (const [set, rates] of rateSets(card)) {
      for (const [kind, rate] of Object.entries(rates)) {
        expect(isLess(decimal('0'), decimal(rate)), `${set} ${kind}`).toBe(true);
        expect(isLess(decimal('1000'), decimal(rate)), `${set} ${kind}`).toBe(false);
      }
      const { input } = rates;
      if (input === undefined) continue;
      const gates: [TokenKind, string, string][] = [
        ['cache_read', '0.005', '1'],
        ['cache_write', '1', '1.5'],
        ['cache_write_5m', '1', '1.5'],
        ['cache_write_1h', '1.5', '2.5'],
        ['cache_write_12h', '1.5', '2.5'],
        ['output', '0.2', '20'],
      ];
      for (const [kind, low, high] of gates) {
        const rate = rates[kind];
        if (rate !== undefined)
          expect(isWithin(rate, input, low, high), `${set}: ${kind} ${rate}`).toBe(true);
      }
    }
  });

  it('has tiers that are dearer, and that move every rate', () => {
    for (const { rates } of card.tiers) {
      expect(Object.keys(rates).sort()).toEqual(Object.keys(card.rates).sort());
      for (const [kind, rate] of Object.entries(rates) as [TokenKind, string][])
        expect(isWithin(rate, card.rates[kind]!, '1', '5'), kind).toBe(true);
    }
  });

  it('has service tiers within the gates', () => {
    const gateOf = (when: string): [string, string] => {
      if (/=(batch|flex)$/.test(when)) return ['0.4', '0.6'];
      if (/=(priority|fast)$/.test(when)) return ['1.5', '2.5'];
      return ['1', '1.25'];
    };
    for (const { when, factor } of card.multipliers)
      expect(isWithin(factor, '1', ...gateOf(when)), `${when} ${factor}`).toBe(true);
    for (const { when, rates } of card.variants) {
      for (const kind of ['input', 'output'] as const)
        expect(isWithin(rates[kind]!, card.rates[kind]!, ...gateOf(when)), `${when} ${kind}`).toBe(true);
    }
  });

  it('is found by each of its names', () => {
    const book = reviewedPrices();
    for (const endpoint of card.endpoints) {
      for (const name of [card.model, ...card.aliases])
        expect(book.find(endpoint, name, at)?.model).toBe(card.model);
    }
    expect(book.byId(card.id)).toBe(card);
  });
});

describe('the snapshot', () => {
  it('has the models that people ask for first', () => {
    const book = reviewedPrices();
    const asked: Record<string, string[]> = {
      'openai-chat': [
        ...['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4o-mini', 'gpt-4.1', 'gpt-4.1-mini', 'gpt-4.1-nano'],
        ...['gpt-5', 'gpt-5-mini', 'gpt-5-nano', 'gpt-5.4', 'gpt-5.4-mini', 'gpt-5.4-nano', 'gpt-5.5'],
        ...['gpt-5.6-sol', 'gpt-5.6-terra', 'gpt-5.6-luna', 'gpt-6-sol', 'gpt-6-luna', 'o3', 'o4-mini'],
        ...['grok-4.3', 'deepseek-v4-pro', 'deepseek-v4-flash', 'mistral-large-latest'],
        ...['mistral-small-latest', 'mistral-medium-latest'],
      ],
      'openai-responses': ['gpt-5.4', 'gpt-5.4-pro', 'gpt-5.3-codex', 'o3-pro'],
      'openai-embeddings': ['text-embedding-3-small', 'text-embedding-3-large'],
      'anthropic-messages': [
        ...['claude-opus-5', 'claude-opus-4-8', 'claude-opus-4-5-20251101', 'claude-sonnet-5'],
        ...['claude-sonnet-4-6', 'claude-sonnet-4-5', 'claude-haiku-4-5', 'claude-fable-5'],
      ],
      'gemini-generate': ['gemini-2.5-pro', 'gemini-2.5-flash', 'gemini-3.1-pro-preview', 'gemini-3.5-flash'],
      'bedrock-converse': [
        ...['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'global.anthropic.claude-opus-5'],
        ...['amazon.nova-pro-v1:0', 'amazon.nova-lite-v1:0', 'amazon.nova-micro-v1:0'],
      ],
    };
    for (const [endpoint, models] of Object.entries(asked)) {
      for (const model of models) expect(book.find(endpoint, model, at), model).toBeDefined();
    }
  });

  // Amounts of the vectors, which carry rates of their own, on the cards that ship.
  it.each([
    ['openai-chat', 'gpt-4o', { input: 1000n, output: 500n }, 7_500_000_000n],
    ['openai-chat', 'gpt-5.4-nano', { input: 3n, output: 7n }, 9_350_000n],
    ['openai-chat', 'gpt-5.4', { input: 271_999n, output: 1000n }, 694_997_500_000n],
    ['openai-chat', 'gpt-5.4', { input: 272_001n, output: 1000n }, 1_382_505_000_000n],
    ['openai-responses', 'gpt-6-sol', { input: 272_001n, output: 1000n }, 1_103_004_000_000n],
    [
      'openai-responses',
      'gpt-5.6-sol',
      { input: 100_000n, cache_read: 100_000n, cache_write: 200_000n, output: 10_000n },
      3_180_000_000_000n,
    ],
    ['openai-embeddings', 'text-embedding-3-small', { input: 8n }, 160_000n],
    ['anthropic-messages', 'claude-opus-5', { input: 2095n, output: 503n }, 23_050_000_000n],
    [
      'anthropic-messages',
      'claude-fable-5-1',
      { input: 100n, cache_read: 800_000n, output: 200n },
      211_000_000_000n,
    ],
    [
      'bedrock-converse',
      'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
      { input: 1000n, output: 500n },
      11_550_000_000n,
    ],
    ['bedrock-converse', 'amazon.nova-micro-v1:0', { input: 7n }, 245_000n],
    ['gemini-generate', 'gemini-2.5-pro', { input: 200_001n, output: 1500n }, 522_502_500_000n],
    ['gemini-generate', 'gemini-2.5-flash', { input: 100n, input_audio: 1000n, output: 50n }, 1_155_000_000n],
    ['openai-chat', 'grok-4.3', { input: 26n, cache_read: 6n, output: 103n }, 291_200_000n],
    ['openai-chat', 'mistral-large-2512', { input: 488n, cache_read: 512n, output: 200n }, 569_600_000n],
  ] as const)('%s %s', (endpoint, model, tokens, expected) => {
    const card = reviewedPrices().find(endpoint, model, at)!;
    expect(priceUsage(card, testUsage(tokens))).toMatchObject({ kind: 'priced', totalPicoUsd: expected });
  });

  it('prices DeepSeek by the hour', () => {
    const card = reviewedPrices().find('openai-chat', 'deepseek-v4-pro', at)!;
    const usage = testUsage({ input: 1040n, cache_read: 8960n, output: 500n });
    const noon = parseRfc3339('2026-08-20T12:00:00Z')!;
    const morning = parseRfc3339('2026-08-20T02:00:00Z')!;
    expect(priceUsage(card, usage, { time: { from: noon, to: noon } })).toMatchObject({
      totalPicoUsd: 1_873_520_000n,
    });
    expect(priceUsage(card, usage, { time: { from: morning, to: morning } })).toMatchObject({
      totalPicoUsd: 3_747_040_000n,
    });
  });

  it('knows no model by a name that nobody wrote down', () => {
    const book = reviewedPrices();
    for (const model of [
      'claude-sonnet-5-5-20270101',
      'gpt-6-sol-2026-11-01',
      'gpt-4',
      'us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0',
    ])
      for (const endpoint of ['openai-chat', 'anthropic-messages', 'bedrock-converse'])
        expect(book.find(endpoint, model, at)).toBeUndefined();
  });
});

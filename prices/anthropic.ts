/**
 * Anthropic. Cache writes at 1.25 (5 minutes) and 2 times (1 hour) the input rate; reads at a share that
 * differs by model. Batch, fast mode and the US region multiply tokens, never fees; what fast mode costs is
 * known for Opus 4.8, 5 and 5.5 only (prices.md 5.2). The priority tier is committed capacity without a rate.
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { CHECKED_ON, GENAI_PRICES, LITELLM, MODELS_DEV } from './sources.ts';

const BATCH = { when: 'usage.service_tier=batch', factor: '0.5' };
const US = { when: 'usage.inference_geo=us', factor: '1.1' };
const FAST = { when: 'usage.speed=fast', factor: '2' };

const SHORT = { contextTokens: 200_000n, maxOutputTokens: 64_000n };
const LONG = { contextTokens: 1_000_000n, maxOutputTokens: 128_000n };
/** ceil(width / 28) x ceil(height / 28), after the provider's own resizing. */
const IMAGE_BEFORE_4_7 = 1_568n;
const IMAGE_FROM_4_7 = 4_784n;

export const anthropicCards: readonly PriceCardInput[] = [
  card({
    model: 'claude-fable-5',
    rates: rates({ input: '10', read: '1', write5m: '12.5', write1h: '20', output: '50' }),
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-08-21',
  }),
  card({
    model: 'claude-fable-5-1',
    rates: rates({ input: '10', read: '0.25', write5m: '12.5', write1h: '20', output: '50' }),
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-09-22',
  }),
  card({
    model: 'claude-opus-5-5',
    rates: rates({ input: '4', read: '0.2', write5m: '5', write1h: '8', output: '20' }),
    multipliers: [BATCH, US, FAST],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-09-23',
  }),
  card({
    model: 'claude-opus-5',
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    multipliers: [BATCH, US, FAST],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-08-21',
  }),
  card({
    model: 'claude-opus-4-8',
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    multipliers: [BATCH, US, FAST],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-08-21',
  }),
  card({
    model: 'claude-opus-4-7',
    aliases: ['claude-opus-4-7-20260416'],
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-04-16',
  }),
  card({
    model: 'claude-opus-4-6',
    aliases: ['claude-opus-4-6-20260205'],
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_BEFORE_4_7),
    effectiveFrom: '2026-03-13',
  }),
  card({
    model: 'claude-opus-4-5',
    aliases: ['claude-opus-4-5-20251101'],
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    multipliers: [BATCH],
    limits: SHORT,
    bounds: bounds(IMAGE_BEFORE_4_7),
    effectiveFrom: '2025-11-01',
  }),
  card({
    model: 'claude-sonnet-5-5',
    rates: rates({ input: '2', read: '0.1', write5m: '2.5', write1h: '4', output: '10' }),
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-11-10',
    sources: [LITELLM, MODELS_DEV],
  }),
  card({
    // A rise to 3 and 15 dollars was announced for 2026-09-01 and called off: feeds that still have it are stale.
    model: 'claude-sonnet-5',
    rates: rates({ input: '2', read: '0.2', write5m: '2.5', write1h: '4', output: '10' }),
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-08-21',
  }),
  card({
    model: 'claude-sonnet-4-6',
    rates: rates({ input: '3', read: '0.3', write5m: '3.75', write1h: '6', output: '15' }),
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_BEFORE_4_7),
    effectiveFrom: '2026-03-13',
  }),
  card({
    // The window of a million tokens is gone since 2026-04-30; the tier stays for whoever is still let through.
    model: 'claude-sonnet-4-5',
    aliases: ['claude-sonnet-4-5-20250929'],
    rates: rates({ input: '3', read: '0.3', write5m: '3.75', write1h: '6', output: '15' }),
    tiers: [
      {
        basis: 'total_input_tokens',
        op: 'gt',
        threshold: 200_000n,
        rates: rates({ input: '6', read: '0.6', write5m: '7.5', write1h: '12', output: '22.5' }),
      },
    ],
    multipliers: [BATCH],
    limits: { ...SHORT, contextTokens: 1_000_000n },
    bounds: bounds(IMAGE_BEFORE_4_7),
    effectiveFrom: '2025-09-29',
  }),
  card({
    model: 'claude-haiku-5-5',
    rates: rates({ input: '0.1', read: '0.01', write5m: '0.125', write1h: '0.2', output: '0.5' }),
    tiers: [
      {
        basis: 'total_input_tokens',
        op: 'gt',
        threshold: 100_000n,
        rates: rates({ input: '0.5', read: '0.05', write5m: '0.625', write1h: '1', output: '2.5' }),
      },
    ],
    multipliers: [BATCH, US],
    limits: LONG,
    bounds: bounds(IMAGE_FROM_4_7),
    effectiveFrom: '2026-11-10',
    sources: [LITELLM, MODELS_DEV],
  }),
  card({
    model: 'claude-haiku-4-5',
    aliases: ['claude-haiku-4-5-20251001'],
    rates: rates({ input: '1', read: '0.1', write5m: '1.25', write1h: '2', output: '5' }),
    multipliers: [BATCH],
    limits: SHORT,
    bounds: bounds(IMAGE_BEFORE_4_7),
    effectiveFrom: '2025-10-01',
  }),
];

function card(
  terms: Omit<PriceCardInput, 'id' | 'provider' | 'endpoints' | 'checkedOn' | 'sources'> & {
    sources?: string[];
  },
): PriceCardInput {
  return {
    id: `anthropic/${terms.model}@${terms.effectiveFrom}`,
    provider: 'anthropic',
    endpoints: ['anthropic-messages'],
    fees: { web_search: { usd: '10', per: '1000' } },
    checkedOn: CHECKED_ON,
    sources: [GENAI_PRICES, LITELLM, MODELS_DEV],
    ...terms,
  };
}

export function rates(of: { input: string; read: string; write5m: string; write1h: string; output: string }) {
  return {
    input: of.input,
    cache_read: of.read,
    cache_write_5m: of.write5m,
    cache_write_1h: of.write1h,
    output: of.output,
  };
}

/** The system prompt that tools bring along is "a few hundred" tokens; its table could not be read. */
function bounds(imageTokensMax: bigint) {
  return { imageTokensMax, hiddenInputTokens: 1_024n };
}

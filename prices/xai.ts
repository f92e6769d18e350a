/**
 * xAI. From 200,000 tokens of prompt on, all rates double; genai-prices has the threshold inclusive, LiteLLM and
 * models.dev do not, and the dearer reading counts. How much a model may write is published nowhere, so its
 * context window bounds it. Live search is billed by source and has no price here.
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { CHECKED_ON, GENAI_PRICES, LITELLM, MODELS_DEV } from './sources.ts';

const MILLION = { contextTokens: 1_000_000n, maxOutputTokens: 1_000_000n };
const HALF_MILLION = { contextTokens: 500_000n, maxOutputTokens: 500_000n };

export const xaiCards: readonly PriceCardInput[] = [
  card({
    model: 'grok-4.3',
    aliases: ['grok-4.3-latest'],
    rates: { input: '1.25', cache_read: '0.2', output: '2.5' },
    tiers: [from200k({ input: '2.5', cache_read: '0.4', output: '5' })],
    limits: MILLION,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'grok-4.20-0309-reasoning',
    rates: { input: '1.25', cache_read: '0.2', output: '2.5' },
    tiers: [from200k({ input: '2.5', cache_read: '0.4', output: '5' })],
    limits: MILLION,
    effectiveFrom: '2026-08-23',
    sources: [LITELLM, MODELS_DEV],
  }),
  card({
    model: 'grok-4.20-0309-non-reasoning',
    rates: { input: '1.25', cache_read: '0.2', output: '2.5' },
    tiers: [from200k({ input: '2.5', cache_read: '0.4', output: '5' })],
    limits: MILLION,
    effectiveFrom: '2026-08-23',
    sources: [LITELLM, MODELS_DEV],
  }),
  card({
    model: 'grok-4.5',
    aliases: ['grok-4.5-latest'],
    rates: { input: '2', cache_read: '0.3', output: '6' },
    tiers: [from200k({ input: '4', cache_read: '0.6', output: '12' })],
    limits: HALF_MILLION,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'grok-4.6',
    rates: { input: '2', cache_read: '0.5', output: '6' },
    tiers: [from200k({ input: '4', cache_read: '1', output: '12' })],
    limits: HALF_MILLION,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'grok-4.7',
    rates: { input: '2', cache_read: '0.5', output: '6' },
    tiers: [from200k({ input: '4', cache_read: '1', output: '12' })],
    limits: HALF_MILLION,
    effectiveFrom: '2026-09-22',
    sources: [LITELLM, MODELS_DEV],
  }),
];

function card(
  terms: Omit<PriceCardInput, 'id' | 'provider' | 'endpoints' | 'checkedOn' | 'sources'> & {
    sources?: string[];
  },
): PriceCardInput {
  return {
    id: `xai/${terms.model}@${terms.effectiveFrom}`,
    provider: 'xai',
    endpoints: ['openai-chat'],
    checkedOn: CHECKED_ON,
    sources: [GENAI_PRICES, LITELLM, MODELS_DEV],
    ...terms,
  };
}

function from200k(rates: PriceCardInput['rates']) {
  return { basis: 'total_input_tokens' as const, op: 'gte' as const, threshold: 200_000n, rates };
}

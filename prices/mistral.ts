/**
 * Mistral. Cached input at a tenth. What `priority` costs (usage.service_tier) was read nowhere, so it has no
 * price. Where sources differ in a limit, the larger one stands: it is a bound.
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { CHECKED_ON, GENAI_PRICES, LITELLM, MODELS_DEV } from './sources.ts';

const QUARTER_MILLION = { contextTokens: 262_144n, maxOutputTokens: 262_144n };

export const mistralCards: readonly PriceCardInput[] = [
  card({
    // genai-prices still gives 2 and 6 dollars for `latest`, the price of the model before; three others agree.
    model: 'mistral-large-2512',
    aliases: ['mistral-large-latest'],
    rates: { input: '0.5', cache_read: '0.05', output: '1.5' },
    limits: QUARTER_MILLION,
    effectiveFrom: '2025-12-02',
  }),
  card({
    model: 'mistral-large-4',
    rates: { input: '0.7', cache_read: '0.07', output: '2.1' },
    limits: { contextTokens: 1_048_576n, maxOutputTokens: 1_048_576n },
    effectiveFrom: '2026-11-10',
    sources: [LITELLM, MODELS_DEV],
  }),
  card({
    model: 'mistral-medium-2604',
    aliases: ['mistral-medium-latest', 'mistral-medium-3-5', 'mistral-medium-3.5'],
    rates: { input: '1.5', cache_read: '0.15', output: '7.5' },
    limits: QUARTER_MILLION,
    effectiveFrom: '2026-06-16',
  }),
  card({
    model: 'mistral-medium-2508',
    rates: { input: '0.4', cache_read: '0.04', output: '2' },
    limits: QUARTER_MILLION,
    effectiveFrom: '2025-08-12',
  }),
  card({
    model: 'mistral-small-2603',
    aliases: ['mistral-small-latest'],
    rates: { input: '0.15', cache_read: '0.015', output: '0.6' },
    limits: QUARTER_MILLION,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'ministral-14b-2512',
    rates: { input: '0.2', cache_read: '0.02', output: '0.2' },
    limits: QUARTER_MILLION,
    effectiveFrom: '2025-12-02',
  }),
  card({
    model: 'ministral-8b-2512',
    rates: { input: '0.15', cache_read: '0.015', output: '0.15' },
    limits: QUARTER_MILLION,
    effectiveFrom: '2025-12-02',
  }),
  card({
    model: 'ministral-3b-2512',
    rates: { input: '0.1', cache_read: '0.01', output: '0.1' },
    limits: { contextTokens: 131_072n, maxOutputTokens: 131_072n },
    effectiveFrom: '2025-12-02',
  }),
  card({
    model: 'codestral-2508',
    aliases: ['codestral-latest'],
    rates: { input: '0.3', cache_read: '0.03', output: '0.9' },
    limits: { contextTokens: 256_000n, maxOutputTokens: 128_000n },
    effectiveFrom: '2025-08-01',
  }),
  card({
    model: 'mistral-embed',
    endpoints: ['openai-embeddings'],
    rates: { input: '0.1' },
    limits: { contextTokens: 8_192n, maxOutputTokens: 0n },
    effectiveFrom: '2026-08-23',
  }),
];

function card(
  terms: Omit<PriceCardInput, 'id' | 'provider' | 'endpoints' | 'checkedOn' | 'sources'> &
    Partial<Pick<PriceCardInput, 'endpoints' | 'sources'>>,
): PriceCardInput {
  return {
    id: `mistral/${terms.model}@${terms.effectiveFrom}`,
    provider: 'mistral',
    endpoints: ['openai-chat'],
    checkedOn: CHECKED_ON,
    sources: [GENAI_PRICES, LITELLM, MODELS_DEV],
    ...terms,
  };
}

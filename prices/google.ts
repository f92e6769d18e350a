/**
 * Google, the Gemini API. Thoughts are output. Flex halves tokens but not always the cache, so it is a variant
 * where it does not (LiteLLM; genai-prices PR 547). Searches are billed by query from Gemini 3 on and by
 * grounded prompt before, in both cases after a free allowance that no answer shows. The storage of explicit
 * caches and grounding with maps are not in usage and have no price here.
 *
 * The rise of the 3.6 to 3.8 Flash models that is announced for 2027-01-01 becomes a card when it happens.
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { CHECKED_ON, GENAI_PRICES, LITELLM, MODELS_DEV } from './sources.ts';

const PRIORITY = { when: 'usage.serviceTier=priority', factor: '1.8' };
const FLEX = { when: 'usage.serviceTier=flex', factor: '0.5' };
const SEARCH_BY_QUERY = { web_search: { usd: '14', per: '1000' } };
const SEARCH_BY_PROMPT = { web_search: { usd: '35', per: '1000', maximum: '1' } };

export const googleCards: readonly PriceCardInput[] = [
  card({
    model: 'gemini-2.5-pro',
    rates: { input: '1.25', cache_read: '0.125', output: '10' },
    tiers: [above200k({ input: '2.5', cache_read: '0.25', output: '15' })],
    multipliers: [PRIORITY],
    variants: [
      {
        when: FLEX.when,
        rates: { input: '0.625', cache_read: '0.125', output: '5' },
        tiers: [above200k({ input: '1.25', cache_read: '0.25', output: '7.5' })],
      },
    ],
    fees: SEARCH_BY_PROMPT,
    effectiveFrom: '2025-06-17',
  }),
  card({
    model: 'gemini-2.5-flash',
    rates: { input: '0.3', input_audio: '1', cache_read: '0.03', cache_read_audio: '0.1', output: '2.5' },
    multipliers: [PRIORITY],
    variants: [
      {
        when: FLEX.when,
        rates: {
          input: '0.15',
          input_audio: '0.5',
          cache_read: '0.03',
          cache_read_audio: '0.1',
          output: '1.25',
        },
      },
    ],
    fees: SEARCH_BY_PROMPT,
    effectiveFrom: '2025-06-17',
  }),
  card({
    model: 'gemini-2.5-flash-lite',
    rates: { input: '0.1', input_audio: '0.3', cache_read: '0.01', cache_read_audio: '0.03', output: '0.4' },
    multipliers: [PRIORITY],
    variants: [
      {
        when: FLEX.when,
        rates: {
          input: '0.05',
          input_audio: '0.15',
          cache_read: '0.01',
          cache_read_audio: '0.03',
          output: '0.2',
        },
      },
    ],
    fees: SEARCH_BY_PROMPT,
    effectiveFrom: '2025-07-22',
  }),
  card({
    model: 'gemini-3-flash-preview',
    rates: { input: '0.5', input_audio: '1', cache_read: '0.05', cache_read_audio: '0.1', output: '3' },
    multipliers: [PRIORITY],
    variants: [
      {
        when: FLEX.when,
        rates: {
          input: '0.25',
          input_audio: '0.5',
          cache_read: '0.05',
          cache_read_audio: '0.1',
          output: '1.5',
        },
      },
    ],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'gemini-3.1-pro-preview',
    aliases: ['gemini-3.1-pro-preview-customtools'],
    rates: { input: '2', cache_read: '0.2', output: '12' },
    tiers: [above200k({ input: '4', cache_read: '0.4', output: '18' })],
    multipliers: [PRIORITY],
    variants: [
      {
        when: FLEX.when,
        rates: { input: '1', cache_read: '0.2', output: '6' },
        tiers: [above200k({ input: '2', cache_read: '0.4', output: '9' })],
      },
    ],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'gemini-3.1-flash-lite',
    rates: {
      input: '0.25',
      input_audio: '0.5',
      cache_read: '0.025',
      cache_read_audio: '0.05',
      output: '1.5',
    },
    multipliers: [PRIORITY, FLEX],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'gemini-3.5-flash',
    rates: { input: '1.5', cache_read: '0.15', output: '9' },
    multipliers: [PRIORITY],
    variants: [{ when: FLEX.when, rates: { input: '0.75', cache_read: '0.08', output: '4.5' } }],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'gemini-3.5-flash-lite',
    rates: { input: '0.3', cache_read: '0.03', output: '2.5' },
    variants: [
      { when: PRIORITY.when, rates: { input: '0.54', cache_read: '0.05', output: '4.5' } },
      { when: FLEX.when, rates: { input: '0.15', cache_read: '0.02', output: '1.25' } },
    ],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'gemini-3.6-flash',
    rates: { input: '0.75', cache_read: '0.075', output: '3.75' },
    multipliers: [PRIORITY, FLEX],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'gemini-3.7-flash',
    rates: { input: '0.75', cache_read: '0.075', output: '3.75' },
    multipliers: [PRIORITY, FLEX],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-08-23',
  }),
  card({
    model: 'gemini-3.8-flash',
    rates: { input: '0.75', cache_read: '0.075', output: '3.75' },
    multipliers: [PRIORITY, FLEX],
    fees: SEARCH_BY_QUERY,
    effectiveFrom: '2026-09-22',
  }),
];

function card(
  terms: Omit<PriceCardInput, 'id' | 'provider' | 'endpoints' | 'limits' | 'checkedOn' | 'sources'>,
): PriceCardInput {
  return {
    id: `google/${terms.model}@${terms.effectiveFrom}`,
    provider: 'google',
    endpoints: ['gemini-generate'],
    limits: { contextTokens: 1_048_576n, maxOutputTokens: 65_536n },
    checkedOn: CHECKED_ON,
    sources: [GENAI_PRICES, LITELLM, MODELS_DEV],
    ...terms,
  };
}

/** By the tokens of the prompt, cached ones included; all rates move. */
function above200k(rates: PriceCardInput['rates']) {
  return { basis: 'total_input_tokens' as const, op: 'gt' as const, threshold: 200_000n, rates };
}

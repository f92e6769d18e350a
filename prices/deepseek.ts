/**
 * DeepSeek. Rates here are those off-peak; weekdays from 01:00 to 04:00 and 06:00 to 10:00 UTC they double
 * (genai-prices; weekends are off-peak since 2026-08-23). LiteLLM and pi-ai carry the peak rates as the price,
 * models.dev those off-peak: they agree by the factor of two. Whether a call's start or end decides is not
 * known: the calculator takes the dearer.
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { CHECKED_ON, GENAI_PRICES, LITELLM, MODELS_DEV } from './sources.ts';

export const deepSeekCards: readonly PriceCardInput[] = [
  card({
    model: 'deepseek-v4-pro',
    rates: { input: '0.66', cache_read: '0.022', output: '1.98' },
    effectiveFrom: '2026-08-23',
    sources: [GENAI_PRICES, LITELLM],
  }),
  card({
    model: 'deepseek-v4-flash',
    rates: { input: '0.22', cache_read: '0.007', output: '0.66' },
    effectiveFrom: '2026-08-23',
    sources: [GENAI_PRICES, LITELLM],
  }),
  card({
    model: 'deepseek-v4-flash',
    aliases: ['deepseek-flash'],
    rates: { input: '0.15', cache_read: '0.003', output: '0.6' },
    effectiveFrom: '2026-09-22',
    sources: [LITELLM, MODELS_DEV],
  }),
];

function card(
  terms: Omit<PriceCardInput, 'id' | 'provider' | 'endpoints' | 'limits' | 'periods' | 'checkedOn'>,
): PriceCardInput {
  return {
    id: `deepseek/${terms.model}@${terms.effectiveFrom}`,
    provider: 'deepseek',
    endpoints: ['openai-chat'],
    periods: [
      { from: '01:00', to: '04:00', weekdays: [1, 2, 3, 4, 5], factor: '2' },
      { from: '06:00', to: '10:00', weekdays: [1, 2, 3, 4, 5], factor: '2' },
    ],
    limits: { contextTokens: 1_000_000n, maxOutputTokens: 393_216n },
    checkedOn: CHECKED_ON,
    ...terms,
  };
}

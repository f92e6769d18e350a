/**
 * OpenAI from GPT-5.6 on: models that write the cache by themselves, at 1.25 times the input rate for 30
 * minutes. The 12-hour rate, twice
 * that, stands in LiteLLM alone; without it such a write would have no price.
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { above272k, chat, fast, FLEX, from272k, LONG, TOOLS } from './openai-terms.ts';
import { LITELLM, MODELS_DEV } from './sources.ts';

export const openAiCacheWritingCards: readonly PriceCardInput[] = [
  writing({
    model: 'gpt-5.6-sol',
    aliases: ['gpt-5.6'],
    rates: { input: '4', cache_read: '0.4', cache_write: '5', cache_write_12h: '10', output: '20' },
    tiers: [
      from272k({ input: '8', cache_read: '0.8', cache_write: '10', cache_write_12h: '20', output: '30' }),
    ],
    effectiveFrom: '2026-08-21',
  }),
  writing({
    model: 'gpt-5.6-terra',
    rates: { input: '2', cache_read: '0.2', cache_write: '2.5', cache_write_12h: '5', output: '12' },
    tiers: [
      from272k({ input: '4', cache_read: '0.4', cache_write: '5', cache_write_12h: '10', output: '18' }),
    ],
    effectiveFrom: '2026-07-30',
  }),
  writing({
    model: 'gpt-5.6-luna',
    rates: { input: '0.2', cache_read: '0.02', cache_write: '0.25', cache_write_12h: '0.5', output: '1.2' },
    tiers: [
      from272k({ input: '0.4', cache_read: '0.04', cache_write: '0.5', cache_write_12h: '1', output: '1.8' }),
    ],
    effectiveFrom: '2026-07-30',
  }),
  writing({
    model: 'gpt-6-astra',
    rates: { input: '10', cache_read: '1', cache_write: '12.5', cache_write_12h: '25', output: '50' },
    tiers: [
      from272k({ input: '20', cache_read: '2', cache_write: '25', cache_write_12h: '50', output: '75' }),
    ],
    effectiveFrom: '2026-09-22',
  }),
  writing({
    model: 'gpt-6-sol',
    rates: { input: '2', cache_read: '0.2', cache_write: '2.5', cache_write_12h: '5', output: '10' },
    tiers: [
      above272k({ input: '4', cache_read: '0.4', cache_write: '5', cache_write_12h: '10', output: '15' }),
    ],
    effectiveFrom: '2026-09-23',
  }),
  writing({
    model: 'gpt-6-luna',
    rates: { input: '0.1', cache_read: '0.01', cache_write: '0.125', cache_write_12h: '0.25', output: '0.5' },
    tiers: [
      above272k({
        input: '0.2',
        cache_read: '0.02',
        cache_write: '0.25',
        cache_write_12h: '0.5',
        output: '0.75',
      }),
    ],
    effectiveFrom: '2026-09-23',
  }),
  writing({
    model: 'gpt-6.1-sol',
    rates: { input: '2', cache_read: '0.1', cache_write: '2.5', cache_write_12h: '5', output: '10' },
    tiers: [
      from272k({ input: '4', cache_read: '0.2', cache_write: '5', cache_write_12h: '10', output: '15' }),
    ],
    effectiveFrom: '2026-11-10',
    sources: [LITELLM, MODELS_DEV],
  }),
  writing({
    model: 'gpt-6.1-terra',
    rates: { input: '1', cache_read: '0.05', cache_write: '1.25', cache_write_12h: '2.5', output: '5' },
    tiers: [
      from272k({ input: '2', cache_read: '0.1', cache_write: '2.5', cache_write_12h: '5', output: '7.5' }),
    ],
    effectiveFrom: '2026-11-10',
    sources: [LITELLM, MODELS_DEV],
  }),
];

function writing(terms: Omit<Parameters<typeof chat>[0], 'limits'>): PriceCardInput {
  return chat({ multipliers: [...fast('2'), FLEX], fees: TOOLS, limits: LONG, ...terms });
}

/**
 * models.dev, `api.json` (read 2026-11-24): providers with models; dollars for a million tokens. `context_over_200k` is
 * ignored: half of the entries that carry it have another threshold, which stands in `tiers`.
 */
import * as z from 'zod';
import type { LeftOutRow } from '../../core/price-changes/left-out.ts';
import type { PriceReading } from '../../core/price-changes/reading.ts';
import type { Provider } from '../../core/pricing/card.ts';
import { count, rate } from './feed-number.ts';
import { documentOf, entryOf, NotThisFeed, ratesOf, type ParseFeed } from './feed.ts';
import { cacheWriteOf } from './provider-words.ts';

/** First-party alone: most of the others resell at prices of their own. */
const PROVIDER_OF: Record<string, Provider> = {
  openai: 'openai',
  anthropic: 'anthropic',
  google: 'google',
  mistral: 'mistral',
  deepseek: 'deepseek',
  xai: 'xai',
  groq: 'groq',
  cohere: 'cohere',
  'amazon-bedrock': 'bedrock',
};

const documentSchema = z.record(z.string(), z.looseObject({ models: z.record(z.string(), z.unknown()) }));

const priceOf = rate('millionTokens');
const costs = z.looseObject({
  input: priceOf,
  output: priceOf,
  cache_read: priceOf.optional(),
  cache_write: priceOf.optional(),
  input_audio: priceOf.optional(),
  output_audio: priceOf.optional(),
  reasoning: priceOf.optional(),
});
const modelSchema = z.looseObject({
  cost: costs
    .extend({
      tiers: z.array(costs.extend({ tier: z.looseObject({ size: count }) })).optional(),
    })
    .optional(),
  limit: z.looseObject({ context: count, input: count.optional(), output: count }),
  modalities: z.looseObject({ output: z.array(z.string()) }).optional(),
});

export const parseModelsDev: ParseFeed = (document) => {
  const readings: PriceReading[] = [];
  const dropped: LeftOutRow[] = [];
  for (const [id, { models }] of Object.entries(documentOf(documentSchema, document))) {
    const provider = PROVIDER_OF[id];
    if (provider === undefined) continue;
    for (const [model, entry] of Object.entries(models)) {
      const result = entryOf(modelSchema, entry);
      if ('reason' in result) dropped.push({ entry: `${id}/${model}`, reason: result.reason });
      else if (result.read.cost) readings.push(readingOf(provider, model, result.read, result.read.cost));
    }
  }
  if (readings.length === 0) throw new NotThisFeed('no model of a known provider is in it');
  return { readings, dropped };
};

type Model = z.output<typeof modelSchema>;
type Costs = z.output<typeof costs>;

function readingOf(
  provider: Provider,
  model: string,
  { limit, modalities }: Model,
  { tiers = [], ...cost }: NonNullable<Model['cost']>,
): PriceReading {
  const rates = ({ input, output, cache_read, cache_write, input_audio, output_audio }: Costs) =>
    ratesOf({
      input,
      output,
      cache_read,
      [cacheWriteOf(provider, model)]: cache_write,
      input_audio,
      output_audio,
    });
  const writesText = modalities === undefined || modalities.output.every((kind) => kind === 'text');
  return {
    provider,
    model,
    list: {
      rates: rates(cost),
      tiers: tiers.map((tier) => ({ threshold: tier.tier.size, rates: rates(tier) })),
    },
    services: {},
    knowsHours: false,
    ...(writesText && cost.output !== '0' && { use: 'chat' as const }),
    contextTokens: limit.context,
    maxOutputTokens: limit.output,
    notUnderstood: [
      ...(cost.reasoning !== undefined && cost.reasoning !== cost.output ? ['reasoning'] : []),
      ...(writesText ? [] : ['modalities.output']),
    ],
  };
}

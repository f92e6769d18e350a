/**
 * genai-prices, `prices/new_data/v2/data.json` (read 2026-11-24): providers with models; dollars for a million tokens,
 * as a number, as tiers, or as a list of both by start date or time of day, of which the last that applies counts.
 * Its patterns of model names are not used: they match by prefix.
 */
import * as z from 'zod';
import type { LeftOutRow } from '../../core/price-changes/left-out.ts';
import type { PriceReading, RateSetReading } from '../../core/price-changes/reading.ts';
import type { Provider, TokenKind } from '../../core/pricing/card.ts';
import { count, rate } from './feed-number.ts';
import { documentOf, entryOf, NotThisFeed, ratesOf, type ParseFeed } from './feed.ts';
import { cacheWriteOf } from './provider-words.ts';

const PROVIDER_OF: Record<string, Provider> = {
  openai: 'openai',
  anthropic: 'anthropic',
  google: 'google',
  mistral: 'mistral',
  deepseek: 'deepseek',
  'x-ai': 'xai',
  groq: 'groq',
  cohere: 'cohere',
  aws: 'bedrock',
};

const documentSchema = z.array(z.looseObject({ id: z.string(), models: z.array(z.unknown()) })).min(1);

const price = z.union([
  rate('millionTokens'),
  z.strictObject({
    base: rate('millionTokens'),
    tiers: z.array(z.strictObject({ start: count, price: rate('millionTokens') })),
  }),
]);
const pricesSchema = z.record(z.string(), price);
const constraint = z.union([
  z.strictObject({ type: z.string().optional(), start_date: z.iso.date() }),
  z.strictObject({ type: z.string().optional(), start_time: z.string(), end_time: z.string() }),
]);
const modelSchema = z.looseObject({
  id: z.string().min(1),
  context_window: count.optional(),
  prices: z.union([
    pricesSchema,
    z.array(z.strictObject({ constraint: constraint.nullish(), prices: pricesSchema })).min(1),
  ]),
});

const KINDS: Record<string, TokenKind> = {
  input_mtok: 'input',
  cache_read_mtok: 'cache_read',
  cache_write_5m_mtok: 'cache_write_5m',
  cache_write_1h_mtok: 'cache_write_1h',
  output_mtok: 'output',
  input_audio_mtok: 'input_audio',
  cache_audio_read_mtok: 'cache_read_audio',
  output_audio_mtok: 'output_audio',
  input_image_mtok: 'input_image',
  output_image_mtok: 'output_image',
};
/** Fees of tools: a call without that tool does not pay them, and one with it needs a card with the fee. */
const FEES = new Set([
  'web_searches_kcount',
  'storage_searches_kcount',
  'social_searches_kcount',
  'code_executions_kcount',
]);

export const parseGenaiPrices: ParseFeed = (document, today) => {
  const readings: PriceReading[] = [];
  const dropped: LeftOutRow[] = [];
  for (const { id, models } of documentOf(documentSchema, document)) {
    const provider = PROVIDER_OF[id];
    if (provider === undefined) continue;
    for (const [i, entry] of models.entries()) {
      const result = entryOf(modelSchema, entry);
      if ('reason' in result) dropped.push({ entry: `${id}/${nameOf(entry) ?? i}`, reason: result.reason });
      else readings.push(readingOf(provider, result.read, today));
    }
  }
  if (readings.length === 0) throw new NotThisFeed('no model of a known provider is in it');
  return { readings, dropped };
};

type Model = z.output<typeof modelSchema>;

function readingOf(provider: Provider, { id, context_window, prices }: Model, today: string): PriceReading {
  const entries = Array.isArray(prices) ? prices : [{ prices, constraint: undefined }];
  const hasHours = (of: (typeof entries)[number]) => of.constraint != null && 'start_time' in of.constraint;
  const inForce = entries.findLast(
    ({ constraint }) => constraint == null || ('start_date' in constraint && constraint.start_date <= today),
  );
  const set = rateSetOf(provider, id, inForce?.prices ?? {});
  return {
    provider,
    model: id,
    list: set.list,
    services: {},
    knowsHours: entries.some(hasHours),
    ...(context_window !== undefined && { contextTokens: context_window }),
    notUnderstood: set.notUnderstood,
  };
}

function rateSetOf(
  provider: Provider,
  model: string,
  prices: z.output<typeof pricesSchema>,
): {
  list: RateSetReading;
  notUnderstood: string[];
} {
  const base: Record<string, string> = {};
  const tiers = new Map<bigint, Record<string, string>>();
  const notUnderstood: string[] = [];
  for (const [name, price] of Object.entries(prices)) {
    const kind = name === 'cache_write_mtok' ? cacheWriteOf(provider, model) : KINDS[name];
    if (kind === undefined) {
      if (!FEES.has(name)) notUnderstood.push(name);
      continue;
    }
    if (typeof price === 'string') {
      base[kind] = price;
      continue;
    }
    base[kind] = price.base;
    for (const { start, price: above } of price.tiers)
      tiers.set(start, { ...tiers.get(start), [kind]: above });
  }
  return {
    list: {
      rates: ratesOf(base),
      tiers: [...tiers].map(([threshold, rates]) => ({ threshold, rates: ratesOf(rates) })),
    },
    notUnderstood,
  };
}

const nameOf = (entry: unknown): string | undefined => {
  const id = (entry as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id : undefined;
};

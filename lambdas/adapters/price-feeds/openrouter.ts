/**
 * OpenRouter, `/api/v1/models` (read 2026-11-24): dollars for one token, in strings with the noise of floating-point
 * arithmetic. They are what OpenRouter asks for, promotions included, and not what the vendor does: good for agreeing
 * with others, never for a proposal (see docs/prices.md). Its names differ from the vendor's by a prefix and by dots.
 */
import * as z from 'zod';
import type { LeftOutRow } from '../../core/price-changes/left-out.ts';
import type { PriceReading } from '../../core/price-changes/reading.ts';
import type { Provider } from '../../core/pricing/card.ts';
import { count, rateInString } from './feed-number.ts';
import { documentOf, entryOf, NotThisFeed, ratesOf, type ParseFeed } from './feed.ts';
import { cacheWriteOf } from './provider-words.ts';

const PROVIDER_OF: Record<string, { provider: Provider; dots: string }> = {
  openai: { provider: 'openai', dots: '.' },
  // claude-sonnet-4.5 there, claude-sonnet-4-5 at Anthropic.
  anthropic: { provider: 'anthropic', dots: '-' },
  google: { provider: 'google', dots: '.' },
  deepseek: { provider: 'deepseek', dots: '.' },
  'x-ai': { provider: 'xai', dots: '.' },
};

const documentSchema = z.looseObject({ data: z.array(z.unknown()).min(1) });
const price = rateInString('token');
const kinds = z.looseObject({
  prompt: price,
  completion: price,
  input_cache_read: price.optional(),
  input_cache_write: price.optional(),
  input_cache_write_1h: price.optional(),
});
const override = kinds.partial().extend({
  min_prompt_tokens: count.optional(),
  utc_start: z.unknown().optional(),
});
const modelSchema = z.looseObject({
  id: z.string().min(1),
  pricing: kinds.extend({ overrides: z.array(override).optional() }),
  context_length: count.nullish(),
  top_provider: z.looseObject({ max_completion_tokens: count.nullish() }).nullish(),
});

export const parseOpenRouter: ParseFeed = (document) => {
  const readings: PriceReading[] = [];
  const dropped: LeftOutRow[] = [];
  for (const [i, entry] of documentOf(documentSchema, document).data.entries()) {
    const names = namesOf(entry);
    if (names === undefined) continue;
    const result = entryOf(modelSchema, entry);
    if ('reason' in result) dropped.push({ entry: `data.${i} ${names.model}`, reason: result.reason });
    else readings.push(readingOf(names, result.read));
  }
  if (readings.length === 0) throw new NotThisFeed('no model of a known provider is in it');
  return { readings, dropped };
};

/** `openai/gpt-4o`; variants such as `:free` and `:extended` are products of OpenRouter. */
function namesOf(entry: unknown): { provider: Provider; model: string } | undefined {
  const id = (entry as { id?: unknown } | null)?.id;
  if (typeof id !== 'string' || id.includes(':')) return undefined;
  const [vendor, model, ...more] = id.split('/');
  const ours = PROVIDER_OF[vendor!];
  if (ours === undefined || model === undefined || model === '' || more.length > 0) return undefined;
  return { provider: ours.provider, model: model.replaceAll('.', ours.dots) };
}

function readingOf(
  { provider, model }: { provider: Provider; model: string },
  { pricing, context_length, top_provider }: z.output<typeof modelSchema>,
): PriceReading {
  const { overrides = [], ...list } = pricing;
  const rates = (of: z.output<typeof override> | z.output<typeof kinds>) =>
    ratesOf({
      input: of.prompt,
      output: of.completion,
      cache_read: of.input_cache_read,
      [cacheWriteOf(provider, model)]: of.input_cache_write,
      cache_write_1h: of.input_cache_write_1h,
    });
  const maxOutputTokens = top_provider?.max_completion_tokens;
  return {
    provider,
    model,
    list: {
      rates: rates(list),
      tiers: overrides
        .filter(
          ({ min_prompt_tokens, utc_start }) => min_prompt_tokens !== undefined && utc_start === undefined,
        )
        .map((tier) => ({ threshold: tier.min_prompt_tokens!, rates: rates(tier) })),
    },
    services: {},
    knowsHours: overrides.some(({ utc_start }) => utc_start !== undefined),
    use: 'chat',
    ...(context_length != null && { contextTokens: context_length }),
    ...(maxOutputTokens != null && { maxOutputTokens }),
    notUnderstood: [],
  };
}

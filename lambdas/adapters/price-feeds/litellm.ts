/**
 * LiteLLM, `model_prices_and_context_window.json` (read 2026-11-24): a flat map of names to objects; dollars for one
 * token, with what is special in the name of the member: `input_cost_per_token_above_272k_tokens_flex`.
 */
import * as z from 'zod';
import type { LeftOutRow } from '../../core/price-changes/left-out.ts';
import type { PriceReading, RateSetReading, ServiceName } from '../../core/price-changes/reading.ts';
import type { Provider, Rates, TokenKind } from '../../core/pricing/card.ts';
import { count, rate } from './feed-number.ts';
import { documentOf, entryOf, NotThisFeed, ratesOf, type ParseFeed } from './feed.ts';
import { cacheWriteOf } from './provider-words.ts';

/** `litellm_provider`, and what stands before the provider's own name of the model. Resellers have other prefixes. */
const PROVIDER_OF: Record<string, { provider: Provider; prefix: string }> = {
  openai: { provider: 'openai', prefix: '' },
  anthropic: { provider: 'anthropic', prefix: '' },
  gemini: { provider: 'google', prefix: 'gemini/' },
  mistral: { provider: 'mistral', prefix: 'mistral/' },
  deepseek: { provider: 'deepseek', prefix: 'deepseek/' },
  xai: { provider: 'xai', prefix: 'xai/' },
  groq: { provider: 'groq', prefix: 'groq/' },
  cohere_chat: { provider: 'cohere', prefix: '' },
  bedrock: { provider: 'bedrock', prefix: '' },
  bedrock_converse: { provider: 'bedrock', prefix: '' },
};

const USE_OF: Record<string, NonNullable<PriceReading['use']>> = {
  chat: 'chat',
  responses: 'responses',
  embedding: 'embeddings',
};

const documentSchema = z.record(z.string(), z.unknown());
const headSchema = z.looseObject({ litellm_provider: z.string(), mode: z.string().optional() });
const entrySchema = z.looseObject({
  max_input_tokens: count.optional(),
  max_output_tokens: count.optional(),
  /** The same members with the prices outside of dearer hours, and which hours those are. */
  off_peak_pricing: z.looseObject({}).optional(),
});

const KINDS: Record<string, TokenKind> = {
  input_cost_per_token: 'input',
  cache_read_input_token_cost: 'cache_read',
  cache_creation_input_token_cost_above_1hr: 'cache_write_1h',
  cache_creation_input_token_cost_above_12hr: 'cache_write_12h',
  output_cost_per_token: 'output',
  input_cost_per_audio_token: 'input_audio',
  cache_read_input_audio_token_cost: 'cache_read_audio',
  output_cost_per_audio_token: 'output_audio',
  input_cost_per_image_token: 'input_image',
  output_cost_per_image_token: 'output_image',
};
const CACHE_WRITE = 'cache_creation_input_token_cost';
const REASONING = 'output_cost_per_reasoning_token';
/** Other words for what another member says, tools that a call must ask for, and batches, which no endpoint of ours takes. */
const NO_PRICE_OF_A_CALL =
  /^(search_context_cost_per_query|google_maps_grounding_cost_per_query|code_interpreter_cost_per_session|computer_use_|file_search_|vector_store_|input_cost_per_token_cache_hit|off_peak_pricing)|_batches$|_ultrafast$|_decisions$/;
const IS_PRICE = /cost|pric/;
const NAME = /^(.*?)(?:_above_([1-9][0-9]{0,3})k_tokens)?(?:_(flex|priority))?$/;

export const parseLiteLlm: ParseFeed = (document) => {
  const readings: PriceReading[] = [];
  const dropped: LeftOutRow[] = [];
  for (const [name, entry] of Object.entries(documentOf(documentSchema, document))) {
    const head = headSchema.safeParse(entry);
    if (!head.success || name === 'sample_spec') continue;
    const ours = PROVIDER_OF[head.data.litellm_provider];
    const model = ours && name.startsWith(ours.prefix) ? name.slice(ours.prefix.length) : undefined;
    if (ours === undefined || model === undefined || model === '' || model.includes('/')) continue;
    const use = USE_OF[head.data.mode ?? ''];
    if (use === undefined) continue;
    const result = entryOf(entrySchema, entry);
    const read =
      'reason' in result ? result : readingOf({ provider: ours.provider, model, use }, result.read);
    if ('reason' in read) dropped.push({ entry: name, reason: read.reason });
    else readings.push(read);
  }
  if (readings.length === 0) throw new NotThisFeed('no model of a known provider is in it');
  return { readings, dropped };
};

function readingOf(
  names: Pick<PriceReading, 'provider' | 'model' | 'use'>,
  { max_input_tokens, max_output_tokens, off_peak_pricing, ...entry }: z.output<typeof entrySchema>,
): PriceReading | { reason: string } {
  const sets = new Map<ServiceName | 'list', { base: Rates; tiers: Map<bigint, Rates> }>();
  const notUnderstood: string[] = [];
  for (const [name, value] of Object.entries({ ...entry, ...off_peak_pricing })) {
    if (!IS_PRICE.test(name) || NO_PRICE_OF_A_CALL.test(name) || value === null) continue;
    const [, member, thousands, service] = NAME.exec(name)!;
    const kind = member === CACHE_WRITE ? cacheWriteOf(names.provider, names.model) : KINDS[member!];
    if (kind === undefined) {
      // Most entries repeat the price of output for what was only thought.
      if (name !== REASONING || value !== entry['output_cost_per_token']) notUnderstood.push(name);
      continue;
    }
    const price = entryOf(rate('token'), value);
    if ('reason' in price) return { reason: `${name}: ${price.reason}` };
    const key = (service as ServiceName | undefined) ?? 'list';
    const set = sets.get(key) ?? { base: {}, tiers: new Map<bigint, Rates>() };
    sets.set(key, set);
    if (thousands === undefined) set.base[kind] = price.read;
    else {
      const threshold = BigInt(thousands) * 1000n;
      set.tiers.set(threshold, { ...set.tiers.get(threshold), [kind]: price.read });
    }
  }
  const setOf = (key: ServiceName | 'list'): RateSetReading | undefined => {
    const set = sets.get(key);
    return (
      set && {
        rates: ratesOf(set.base),
        tiers: [...set.tiers].map(([threshold, rates]) => ({ threshold, rates: ratesOf(rates) })),
      }
    );
  };
  const [flex, priority] = [setOf('flex'), setOf('priority')];
  return {
    ...names,
    list: setOf('list') ?? { rates: {}, tiers: [] },
    services: { ...(flex && { flex }), ...(priority && { priority }) },
    knowsHours: off_peak_pricing !== undefined,
    ...(max_input_tokens !== undefined && { contextTokens: max_input_tokens }),
    ...(max_output_tokens !== undefined && { maxOutputTokens: max_output_tokens }),
    notUnderstood,
  };
}

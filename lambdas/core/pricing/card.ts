/**
 * A price card: everything that is needed to price one model from one date on. Cards are data, append-only:
 * a new price is a new card with a later `effectiveFrom`; a card that charges may cite is never edited.
 * Money and counts travel as decimal text or bigint, never as a JavaScript number.
 */
import * as z from 'zod';

export const TOKEN_KINDS = [
  'input',
  'cache_read',
  /** A write of the provider's default lifetime (OpenAI, 30 minutes). */
  'cache_write',
  'cache_write_5m',
  'cache_write_1h',
  'cache_write_12h',
  'input_audio',
  'cache_read_audio',
  'input_image',
  'output',
  'output_audio',
  'output_image',
] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** web_search, file_search, container_session, audio_second, character, page, … An open set, by exact name. */
export type FeeKind = string;

export const PROVIDERS = [
  'openai',
  'anthropic',
  'google',
  'bedrock',
  'mistral',
  'deepseek',
  'xai',
  'groq',
  'cohere',
  'openrouter',
] as const;
export type Provider = (typeof PROVIDERS)[number];

export const ENDPOINTS = [
  'openai-chat',
  'openai-responses',
  'openai-embeddings',
  'openai-images',
  'openai-transcription',
  'openai-speech',
  'anthropic-messages',
  'bedrock-converse',
  'bedrock-invoke',
  'gemini-generate',
  'gemini-embed',
] as const;
/** The gateway's surfaces, by the dialect and the operation. */
export type Endpoint = (typeof ENDPOINTS)[number];

const decimalText = z.string().regex(/^(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,12})?$/, 'a plain decimal');
const positiveDecimalText = decimalText.refine((text) => /[1-9]/.test(text), 'more than zero');
/** Stored cards carry counts as text; the reviewed snapshot writes bigint literals. */
const count = z
  .union([z.bigint().nonnegative(), z.string().regex(/^(?:0|[1-9][0-9]{0,14})$/)])
  .transform(BigInt);
/** Where the provider reports it, and what it says: `response.service_tier=priority`, `usage.speed=fast`. */
const condition = z.string().regex(/^(?:response|usage|request|context)(?:\.[A-Za-z0-9_-]+)+=[^=]+$/);
const feeName = z.string().regex(/^[a-z][a-z0-9_]*$/);

/** USD per 1,000,000 tokens. */
const rates = z.partialRecord(z.enum(TOKEN_KINDS), decimalText);

const tier = z.strictObject({
  /** All input tokens of the request as the provider counts them for its threshold: cache reads and writes too. */
  basis: z.literal('total_input_tokens'),
  /** `gt`: above the threshold; `gte`: at it already. Providers differ, so each tier says it. */
  op: z.enum(['gt', 'gte']),
  threshold: count,
  /** Replaces these rates for the whole request. */
  rates,
});

const multiplier = z.strictObject({ when: condition, factor: positiveDecimalText });

const variant = z.strictObject({ when: condition, rates, tiers: z.array(tier).default([]) });

const clock = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/);
export const periodSchema = z.strictObject({
  /** UTC; `to` is exclusive and later than `from`. */
  from: clock,
  to: clock,
  /** UTC weekdays, 0 is Sunday; without it every day. */
  weekdays: z.array(z.literal([0, 1, 2, 3, 4, 5, 6])).optional(),
  factor: positiveDecimalText,
});

const fee = z.strictObject({
  usd: decimalText,
  /** Units that `usd` buys. */
  per: positiveDecimalText,
  /** Units charged at least, where there are any: Groq bills ten seconds of audio. */
  minimum: decimalText.optional(),
  /** Units charged at most a call: Gemini 2.5 bills a grounded prompt once, however many queries it made. */
  maximum: decimalText.optional(),
});

export const priceCardSchema = z
  .strictObject({
    /** `<provider>/<model>@<effectiveFrom>`, for a card of this installation's own with `~own` after it; what a charge cites. */
    id: z.string(),
    provider: z.enum(PROVIDERS),
    model: z.string().min(1),
    /** Other exact ids of the same model, dated ones above all. Never a prefix. */
    aliases: z.array(z.string().min(1)).default([]),
    endpoints: z.array(z.enum(ENDPOINTS)).min(1),
    rates,
    tiers: z.array(tier).default([]),
    /** Apply to tokens, never to fees; several that hold are multiplied. */
    multipliers: z.array(multiplier).default([]),
    /** Another rate set when the condition holds; the first that holds wins. Multipliers apply on top. */
    variants: z.array(variant).default([]),
    /** Times of the day with another price. */
    periods: z.array(periodSchema).default([]),
    fees: z.record(feeName, fee).default({}),
    /** Reported values, beyond those of LIST_RATE_CONDITIONS, that leave the price as it is. */
    listRateConditions: z.array(condition).default([]),
    limits: z.strictObject({
      contextTokens: count,
      /** 0 for models that answer without tokens. */
      maxOutputTokens: count,
    }),
    /** How input is bounded without a tokenizer: see input-bound.ts. */
    bounds: z
      .strictObject({
        /** No token of this model covers fewer bytes of text. */
        bytesPerTokenFloor: positiveDecimalText.default('1'),
        /** One image of any size costs at most this; absent: unknown, so images are bounded by the context window. */
        imageTokensMax: count.optional(),
        /** Tokens of system text that the provider adds by itself. */
        hiddenInputTokens: count.default(0n),
      })
      .prefault({}),
    /** UTC date from whose first instant the card holds, or that instant. */
    effectiveFrom: z.union([z.iso.date(), z.iso.datetime()]),
    /** When a person last compared the card with its sources. */
    checkedOn: z.iso.date(),
    sources: z.array(z.url()).min(1),
  })
  .check(({ value: card, issues }) => {
    const id = `${card.provider}/${card.model}@${card.effectiveFrom}`;
    if (card.id !== id && card.id !== `${id}~own`)
      issues.push({ code: 'custom', input: card.id, message: `id must be ${id}` });
    if (card.checkedOn < '2020-01-01' || card.effectiveFrom < '2020-01-01')
      issues.push({
        code: 'custom',
        input: card.effectiveFrom,
        message: 'dates before 2020 are typing errors',
      });
    for (const { from, to } of card.periods)
      if (from >= to) issues.push({ code: 'custom', input: to, message: 'a period ends after it begins' });
  });

export type PriceCard = z.output<typeof priceCardSchema>;
/** As cards are written: defaults may be left out. */
export type PriceCardInput = z.input<typeof priceCardSchema>;
export type Rates = PriceCard['rates'];
export type Tier = PriceCard['tiers'][number];
export type Fee = PriceCard['fees'][string];
/** `<path>=<value>`. */
export type ConditionText = string;

/** What providers report for a call at list price. Anything else must be priced by the card or it has no price. */
export const LIST_RATE_CONDITIONS: ReadonlySet<ConditionText> = new Set([
  'response.service_tier=default',
  'response.service_tier=standard',
  'response.service_tier=on_demand',
  'usage.service_tier=standard',
  'usage.service_tier=default',
  'usage.speed=standard',
  'usage.inference_geo=global',
  // Models that cannot be pinned to a region.
  'usage.inference_geo=not_available',
  'response.serviceTier.type=default',
  'response.performanceConfig.latency=standard',
  'usage.serviceTier=standard',
  'usage.serviceTier=unspecified',
  'usage.trafficType=ON_DEMAND',
]);

/** True when the card knows what a call costs for which the provider reports this. */
export function pricesCondition(card: PriceCard, text: ConditionText): boolean {
  return (
    LIST_RATE_CONDITIONS.has(text) ||
    card.listRateConditions.includes(text) ||
    card.multipliers.some(({ when }) => when === text) ||
    card.variants.some(({ when }) => when === text)
  );
}

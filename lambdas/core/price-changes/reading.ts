/**
 * What one feed says that one model costs, in the words of a price card. Families are independent of each other: two
 * that agree are two witnesses.
 */
import * as z from 'zod';
import { PROVIDERS, TOKEN_KINDS } from '../pricing/card.ts';

export const FAMILIES = ['genai-prices', 'litellm', 'models-dev', 'openrouter', 'aws'] as const;
export type Family = (typeof FAMILIES)[number];

/** Rates are decimal text, dollars for a million tokens; stored readings carry counts as text. */
const rates = z.partialRecord(z.enum(TOKEN_KINDS), z.string());
const count = z.union([z.bigint(), z.string().regex(/^[0-9]{1,15}$/)]).transform(BigInt);
const rateSet = z.strictObject({
  rates,
  /** For the whole request, from so many input tokens on. */
  tiers: z.array(z.strictObject({ threshold: count, rates })),
});

export const readingSchema = z.strictObject({
  provider: z.enum(PROVIDERS),
  /** As the provider writes it. */
  model: z.string().regex(/^[\x21-\x7e]{1,200}$/),
  list: rateSet,
  /** Service tiers with rates of their own. */
  services: z.strictObject({ flex: rateSet.optional(), priority: rateSet.optional() }),
  /** The list rates are those outside of dearer hours, which the feed knows of. */
  knowsHours: z.boolean(),
  /** Undefined: not said, or none that Spendcap meters. */
  use: z.enum(['chat', 'responses', 'embeddings']).optional(),
  contextTokens: count.optional(),
  maxOutputTokens: count.optional(),
  /** Prices that the feed has and no card could hold: what a call of this model costs is not known whole. */
  notUnderstood: z.array(z.string()),
});
export type PriceReading = z.output<typeof readingSchema>;
export type RateSetReading = PriceReading['list'];
export type ServiceName = keyof PriceReading['services'];

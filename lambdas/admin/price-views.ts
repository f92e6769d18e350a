/** Prices as the API shows them: decimal strings of dollars a million tokens, by what they are for. */
import { z } from '@hono/zod-openapi';
import type { ProposalRecord } from '../core/price-changes/proposal-items.ts';
import { fieldsOf, fieldWords } from '../core/price-changes/fields.ts';
import { ENDPOINTS, periodSchema, PROVIDERS, TOKEN_KINDS, type PriceCard } from '../core/pricing/card.ts';
import { EVERY_MODEL, shareStart, type PriceOverride } from '../core/pricing/override.ts';
import { pricesFrom } from '../core/pricing/price-book.ts';
import { toRfc3339 } from '../core/time.ts';

/** `input`, `output above 272000`, `cache_read, response.service_tier=flex`. */
const prices = z.record(z.string(), z.string());

export const cardSchema = z.strictObject({
  id: z.string(),
  provider: z.enum(PROVIDERS),
  model: z.string(),
  aliases: z.array(z.string()),
  endpoints: z.array(z.enum(ENDPOINTS)),
  effective_from: z.string(),
  prices,
  /** Dollars for so many units. */
  fees: z.record(z.string(), z.strictObject({ usd: z.string(), per: z.string() })),
  /** Factors under a condition that the provider reports. */
  multipliers: z.record(z.string(), z.string()),
  /** Factors by the time of the day, in UTC; a weekday is 0 to 6, from Sunday on, and without them it is every day. */
  periods: z.array(periodSchema),
  context_tokens: z.string(),
  max_output_tokens: z.string(),
  checked_on: z.string(),
  sources: z.array(z.string()),
  /** On whose word: of a release, of one or more families of feeds, of a person, or of this installation itself. */
  accepted_by: z.enum(['release', 'one_family', 'two_families', 'person', 'override']),
  in_force: z.boolean(),
});

export const pendingSchema = z.strictObject({
  id: z.string(),
  provider: z.enum(PROVIDERS),
  model: z.string(),
  /** Who proposes it, with commas between. */
  family: z.string(),
  /** Null for a model that has no card. */
  old: prices.nullable(),
  new: prices,
  reason: z.string(),
  since: z.string(),
});

export const overrideSchema = z.strictObject({
  provider: z.enum(PROVIDERS),
  /** `*`: every model of the provider. */
  model: z.string(),
  from: z.string(),
  factor: z.string().nullable(),
  card: cardSchema.nullable(),
  /** List prices from then on. */
  ended: z.boolean(),
});

export const pricesOf = (card: PriceCard): Record<string, string> =>
  Object.fromEntries([...fieldsOf(card)].map(([field, price]) => [fieldWords(field), price]));

export function cardView(
  card: PriceCard,
  { acceptedBy, isInForce }: { acceptedBy: z.infer<typeof cardSchema>['accepted_by']; isInForce: boolean },
): z.infer<typeof cardSchema> {
  return {
    id: card.id,
    provider: card.provider,
    model: card.model,
    aliases: card.aliases,
    endpoints: card.endpoints,
    effective_from: shareStart(card.id) === undefined ? card.effectiveFrom : toRfc3339(pricesFrom(card)),
    prices: pricesOf(card),
    fees: Object.fromEntries(Object.entries(card.fees).map(([name, { usd, per }]) => [name, { usd, per }])),
    multipliers: Object.fromEntries(card.multipliers.map(({ when, factor }) => [when, factor])),
    periods: card.periods,
    context_tokens: card.limits.contextTokens.toString(),
    max_output_tokens: card.limits.maxOutputTokens.toString(),
    checked_on: card.checkedOn,
    sources: card.sources,
    accepted_by: acceptedBy,
    in_force: isInForce,
  };
}

export const pendingView = (
  record: ProposalRecord,
  old: PriceCard | undefined,
): z.infer<typeof pendingSchema> => ({
  id: record.id,
  provider: record.provider,
  model: record.model,
  family: record.families.join(', '),
  old: old === undefined ? null : pricesOf(old),
  new: pricesOf(record.card),
  reason: record.reason,
  since: toRfc3339(record.since),
});

export const overrideView = ({
  provider,
  model,
  from,
  set,
}: PriceOverride): z.infer<typeof overrideSchema> => ({
  provider,
  model,
  from: toRfc3339(from),
  factor: set.kind === 'factor' ? set.factor : null,
  card: set.kind === 'card' ? cardView(set.card, { acceptedBy: 'override', isInForce: false }) : null,
  ended: set.kind === 'ended',
});

/** A card of one's own, as it is given: what is left out does not apply. */
const decimalText = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,12})?$/, 'write a decimal such as "0.15"');
const tokenCount = z.int().min(0).max(1_000_000_000);
const ownRates = z.partialRecord(z.enum(TOKEN_KINDS), decimalText);
export const ownCardSchema = z.strictObject({
  endpoints: z.array(z.enum(ENDPOINTS)).min(1),
  aliases: z.array(z.string().min(1).max(200)).default([]),
  rates: ownRates,
  tiers: z.array(z.strictObject({ above: tokenCount, rates: ownRates })).default([]),
  fees: z.record(z.string(), z.strictObject({ usd: decimalText, per: decimalText })).default({}),
  periods: z.array(periodSchema).default([]),
  context_tokens: tokenCount,
  max_output_tokens: tokenCount,
  /** The most that one image costs; without it images are refused. */
  image_tokens_max: tokenCount.optional(),
});
export const factorSchema = decimalText.refine(
  (text) => /[1-9]/.test(text) && /^(?:[0-9](?:\.[0-9]{1,6})?|10)$/.test(text),
  'write a factor above 0, up to 10, with six decimals at most',
);

export const modelParams = z.strictObject({
  provider: z.enum(PROVIDERS),
  /** Names of models hold slashes and colons; callers escape them. `*`: every model of the provider. */
  model: z.string().min(1).max(200),
});
export const isEveryModel = (model: string): boolean => model === EVERY_MODEL;

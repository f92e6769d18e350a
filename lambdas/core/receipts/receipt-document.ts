/**
 * The receipt as a document, `spendcap-receipt/1`: what one call cost and why, so that anybody can compute it again
 * without us. Money is dollars as decimal text, counts are text too: nothing is lost to a reader's numbers.
 */
import * as z from 'zod';

const counts = z.record(z.string(), z.string());

export const receiptLineSchema = z.strictObject({
  /** Of `cost_details`: input, output, cache_read, cache_write or fees. */
  detail: z.string(),
  /** A token kind, or `fee:<name>`. */
  what: z.string(),
  card: z.string(),
  /** quantity x usd / per x factor is the amount, before the one rounding of the sum. */
  quantity: z.string(),
  usd: z.string(),
  per: z.string(),
  factor: z.string(),
  amount_usd: z.string(),
});

export const receiptCardSchema = z.strictObject({
  /** What the charge cites. */
  id: z.string(),
  /** Names under which the usage block has it; empty for the card of the model that was served. */
  models: z.array(z.string()),
  /** SHA-256, in hex, of the canonical JSON (RFC 8785) of `card`. */
  sha256: z.string(),
  /** Share of the card's prices that is paid, where one was agreed. */
  paid_factor: z.string().nullable(),
  /** With its sources, and the date on which a person compared it with them. */
  card: z.record(z.string(), z.unknown()),
});

export const receiptPricingSchema = z.strictObject({
  usage: z.strictObject({
    parts: z.array(
      z.strictObject({ model: z.string().nullable(), tokens: counts, tier_input_tokens: z.string() }),
    ),
    fees: counts,
    conditions: z.record(z.string(), z.string()),
  }),
  /** When the provider was at work: prices may depend on the time of the day. */
  from: z.string(),
  to: z.string(),
  /** That of the model that was served comes first. */
  cards: z.array(receiptCardSchema).min(1),
  lines: z.array(receiptLineSchema),
  total_usd: z.string(),
});

const accountSchema = z.strictObject({
  /** The cap. Where it was redefined, its generation stands behind it. */
  account: z.string(),
  metric: z.enum(['usd', 'tokens', 'requests', 'concurrent']),
  window_key: z.string(),
  held: z.string(),
  charged: z.string(),
});

const adjustmentSchema = z.strictObject({
  /** Differences, negative where money was given back. */
  cost_usd: z.string(),
  tokens: z.string(),
  requests: z.string(),
  evidence: z.string(),
  /** What the call comes to by other cards, where it was rated again: with this, and all before, charged in all. */
  pricing: receiptPricingSchema.nullable(),
});

export const receiptSchema = z.strictObject({
  format: z.literal('spendcap-receipt/1'),
  request_id: z.string(),
  at: z.string(),
  user: z.string().nullable(),
  team: z.string(),
  app: z.string(),
  feature: z.string(),
  dialect: z.string(),
  model_requested: z.string(),
  model: z.string(),
  outcome: z.enum(['settled', 'voided', 'presumed_spent', 'overrun', 'adjusted']),
  /** The provider's usage block; null where there is none, or none was kept: then `usage_note` says why. */
  usage_block: z.record(z.string(), z.unknown()).nullable(),
  usage_note: z.string().nullable(),
  /** Null where nothing was computed, or its card is not known here: then `pricing_note` says why. */
  pricing: receiptPricingSchema.nullable(),
  pricing_note: z.string().nullable(),
  reserved_usd: z.string(),
  tokens_charged: z.string(),
  /** What was charged; `evidence` says on whose word, where it is not the provider's own answer. */
  cost_usd: z.string(),
  evidence: z.string().nullable(),
  /** What moved in the books, by cap and window. */
  accounts: z.array(accountSchema),
  /** Later corrections, in their order: from evidence, or by corrected prices. */
  adjustments: z.array(adjustmentSchema),
  /** `cost_usd` with its adjustments. */
  final_cost_usd: z.string(),
  /** SHA-256, in hex, of the canonical JSON of all other members: finds damage, and proves no origin. */
  sha256: z.string(),
});

export type Receipt = z.infer<typeof receiptSchema>;
export type ReceiptPricing = z.infer<typeof receiptPricingSchema>;
export type ReceiptCard = z.infer<typeof receiptCardSchema>;
export type ReceiptLine = z.infer<typeof receiptLineSchema>;

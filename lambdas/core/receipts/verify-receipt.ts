/**
 * Computes a receipt again from nothing but itself, with the calculator that the gateway runs. What is found: an
 * amount, count, rate or card that does not follow from the others. What cannot be found by anybody offline: a
 * receipt that was made up as a whole.
 */
import * as z from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { picoUsd } from '../brands.ts';
import { formatUsd, parseSignedUsd } from '../money.ts';
import { priceUsage } from '../pricing/calculator.ts';
import { priceCardSchema, TOKEN_KINDS, type PriceCard } from '../pricing/card.ts';
import { paid } from '../pricing/override.ts';
import { parseDecimal, type Ratio } from '../pricing/ratio.ts';
import { billedTokens, type TokenCounts, type Usage } from '../pricing/usage.ts';
import { parseRfc3339 } from '../time.ts';
import { hashOf, lineView } from './receipt.ts';
import { receiptSchema, type Receipt, type ReceiptPricing } from './receipt-document.ts';

export interface ReceiptDifference {
  /** Where in the document. */
  where: string;
  /** What follows from the rest of it. */
  expected: string;
  found: string;
}

export type ReceiptCheck =
  | { kind: 'not_a_receipt'; reason: string }
  /** Without differences all is well. `lines` were computed again; none where the receipt has no arithmetic. */
  | { kind: 'checked'; receipt: Receipt; differences: ReceiptDifference[]; lines: number };

export async function verifyReceipt(document: unknown): Promise<ReceiptCheck> {
  const parsed = receiptSchema.safeParse(document);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return { kind: 'not_a_receipt', reason: `${['receipt', ...path.map(String)].join('.')}: ${message}` };
  }
  const receipt = parsed.data;
  const found = new Differences();
  const { sha256: hash, ...rest } = receipt;
  found.compare('sha256', await hashOf(rest), hash);
  if (receipt.pricing) await checkPricing(receipt, receipt.pricing, found);
  else checkUnpriced(receipt, found);
  await checkAdjustments(receipt, found);
  checkAmounts(receipt, found);
  return {
    kind: 'checked',
    receipt,
    differences: found.all,
    lines: receipt.pricing?.lines.length ?? 0,
  };
}

class Differences {
  readonly all: ReceiptDifference[] = [];

  compare(where: string, expected: string, found: string): void {
    if (expected !== found) this.all.push({ where, expected, found });
  }
}

async function checkPricing(receipt: Receipt, pricing: ReceiptPricing, found: Differences): Promise<void> {
  const computed = await recompute('pricing', pricing, found);
  if (!computed) return;
  found.compare('cost_usd', computed.total, receipt.cost_usd);
  found.compare('tokens_charged', String(billedTokens(computed.usage)), receipt.tokens_charged);
}

/** A call that was rated again has been charged, with this correction and those before, what its cards say. */
async function checkAdjustments(receipt: Receipt, found: Differences): Promise<void> {
  const amounts = [receipt.cost_usd];
  for (const [i, { cost_usd, pricing }] of receipt.adjustments.entries()) {
    amounts.push(cost_usd);
    if (!pricing) continue;
    const where = `adjustments.${i}`;
    const computed = await recompute(`${where}.pricing`, pricing, found);
    if (computed) found.compare(`${where}.cost_usd`, computed.total, sumOf(amounts));
    if (receipt.pricing)
      found.compare(
        `${where}.pricing.usage`,
        canonicalJson(receipt.pricing.usage),
        canonicalJson(pricing.usage),
      );
  }
}

/** Undefined where something stands in the way, which is among the differences then. */
async function recompute(
  place: string,
  pricing: ReceiptPricing,
  found: Differences,
): Promise<{ total: string; usage: Usage } | undefined> {
  const cards: PriceCard[] = [];
  for (const [i, entry] of pricing.cards.entries()) {
    const where = `${place}.cards.${i}`;
    found.compare(`${where}.sha256`, await hashOf(entry.card), entry.sha256);
    const card = priceCardSchema.safeParse(entry.card);
    const factor = entry.paid_factor ?? undefined;
    if (!card.success || (factor !== undefined && !isFactor(factor))) {
      found.compare(where, 'a price card', 'something else');
      return undefined;
    }
    const isCited =
      factor === undefined ? entry.id === card.data.id : entry.id.startsWith(`${card.data.id}~`);
    if (!isCited) found.compare(`${where}.id`, card.data.id, entry.id);
    cards.push(paid({ card: card.data, factor }, entry.id));
  }
  const usage = usageFrom(pricing.usage);
  const [from, to] = [parseRfc3339(pricing.from), parseRfc3339(pricing.to)];
  if (usage === undefined || from === undefined || to === undefined) {
    found.compare(`${place}.usage`, 'counts and instants', 'something else');
    return undefined;
  }
  const cardOf = (model: string) => cards[pricing.cards.findIndex(({ models }) => models.includes(model))];
  const cost = priceUsage(cards[0]!, usage, { time: { from, to }, cardOf });
  if (cost.kind === 'unpriced') {
    found.compare(place, `a price for the ${cost.reason.replace('_', ' ')} ${cost.what}`, 'none');
    return undefined;
  }
  const lines = cost.lines.map(lineView);
  found.compare(`${place}.lines`, `${lines.length} lines`, `${pricing.lines.length} lines`);
  for (const [i, line] of lines.entries()) {
    const shown = pricing.lines[i];
    if (shown) found.compare(`${place}.lines.${i}`, canonicalJson(line), canonicalJson(shown));
  }
  const total = formatUsd(cost.totalPicoUsd);
  found.compare(`${place}.total_usd`, total, pricing.total_usd);
  return { total, usage };
}

/** What was presumed is the hold, what was voided is nothing; evidence may say anything. */
function checkUnpriced(receipt: Receipt, found: Differences): void {
  if (receipt.evidence !== null) return;
  if (receipt.outcome === 'presumed_spent') found.compare('cost_usd', receipt.reserved_usd, receipt.cost_usd);
  if (receipt.outcome === 'voided') found.compare('cost_usd', '0.00', receipt.cost_usd);
}

function checkAmounts(receipt: Receipt, found: Differences): void {
  const isNothing = receipt.outcome === 'voided';
  const charged = {
    usd: receipt.cost_usd,
    tokens: receipt.tokens_charged,
    requests: isNothing ? '0' : '1',
    concurrent: '0',
  };
  for (const [i, account] of receipt.accounts.entries()) {
    found.compare(`accounts.${i}.charged`, charged[account.metric], account.charged);
    if (account.metric === 'usd') found.compare(`accounts.${i}.held`, receipt.reserved_usd, account.held);
  }
  const amounts = [receipt.cost_usd, ...receipt.adjustments.map(({ cost_usd }) => cost_usd)];
  found.compare('final_cost_usd', sumOf(amounts), receipt.final_cost_usd);
}

function sumOf(amounts: readonly string[]): string {
  let sum = 0n;
  for (const text of amounts) {
    const amount = parseSignedUsd(text);
    if (amount === undefined) return 'a sum of dollars';
    sum += amount;
  }
  return formatUsd(picoUsd(sum));
}

const count = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,18})$/)
  .transform(BigInt);
const units = z.string().transform((text, context): Ratio => {
  const read = text.length > 60 ? undefined : parseDecimal(text);
  if (read !== undefined) return read;
  context.addIssue({ code: 'custom', message: 'not a plain decimal' });
  return z.NEVER;
});
const tokens = z.partialRecord(z.enum(TOKEN_KINDS), count).transform((counts): TokenCounts => counts);
const usageSchema = z.object({
  parts: z.array(z.object({ model: z.string().nullable(), tokens, tier_input_tokens: count })),
  fees: z.record(z.string(), units),
  conditions: z.record(z.string(), z.string()),
});

function usageFrom(shown: ReceiptPricing['usage']): Usage | undefined {
  const read = usageSchema.safeParse(shown);
  if (!read.success) return undefined;
  const { parts, fees, conditions } = read.data;
  return {
    parts: parts.map((part) => ({
      ...(part.model !== null && { model: part.model }),
      tokens: part.tokens,
      tierInputTokens: part.tier_input_tokens,
    })),
    fees,
    conditions,
  };
}

/** More than nothing, and short enough that no product of it is cut. */
const isFactor = (text: string): boolean =>
  /^(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,12})?$/.test(text) && /[1-9]/.test(text);

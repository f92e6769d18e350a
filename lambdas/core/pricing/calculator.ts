/**
 * The calculator: what a call cost, exactly. Amounts are fractions until the end and are rounded once a call,
 * up, to a picodollar. What has no price gets a named outcome, never zero.
 */
import { picoUsd, type PicoUsd } from '../brands.ts';
import { divCeil } from '../money.ts';
import { pricesCondition, TOKEN_KINDS, type ConditionText, type PriceCard, type TokenKind } from './card.ts';
import {
  feeAmount,
  feeOf,
  periodFactor,
  rateOf,
  ratesAt,
  variantSet,
  type CallTime,
  type RateSet,
} from './rate-set.ts';
import { decimal, sum, times, toDecimalText, whole, ZERO, type Ratio } from './ratio.ts';
import type { Usage, UsagePart } from './usage.ts';

export const DETAIL_KINDS = ['input', 'output', 'cache_read', 'cache_write', 'fees'] as const;
export type DetailKind = (typeof DETAIL_KINDS)[number];
/** `cost_details` of the contract. */
export type CostDetails = Record<DetailKind, PicoUsd>;

/** One row of a receipt: `quantity` x `usd` / `per` x `factor`. */
export interface PriceLine {
  detail: DetailKind;
  /** A token kind, or `fee:<name>`. */
  what: string;
  cardId: string;
  quantity: string;
  /** USD for `per` units, before the factor. */
  usd: string;
  per: string;
  factor: string;
  picoUsd: PicoUsd;
}

export type Pricing =
  { kind: 'priced'; totalPicoUsd: PicoUsd; details: CostDetails; lines: PriceLine[] } | Unpriced;

/** The card cannot say what this costs. The call is charged at its hold. */
export interface Unpriced {
  kind: 'unpriced';
  reason: 'model' | 'token_kind' | 'fee' | 'condition';
  /** The model, kind, fee or condition without a price. */
  what: string;
}

export interface PricingContext {
  /** Needed by cards with periods; without it their dearest period counts. */
  time?: CallTime;
  /** The card of another model that took part (Anthropic's advisor and fallback iterations). */
  cardOf?: (model: string) => PriceCard | undefined;
}

/**
 * Prices one call. `totalPicoUsd` is the exact cost rounded up; `details` and `lines` each sum to it exactly.
 * Source: each card's own; rules in docs of the vectors (test/vectors/cost.json).
 */
export function priceUsage(card: PriceCard, usage: Usage, context: PricingContext = {}): Pricing {
  const exact: ExactLine[] = [];
  for (const part of usage.parts) {
    const partCard = cardOfPart(card, part, context);
    if (partCard === undefined) return unpriced('model', part.model ?? card.model);
    const lines = tokenLines(partCard, part, usage, context.time);
    if ('kind' in lines) return lines;
    exact.push(...lines);
  }
  for (const [name, units] of Object.entries(usage.fees)) {
    if (units.n === 0n) continue;
    const fee = feeOf(card, name);
    if (fee === undefined) return unpriced('fee', name);
    exact.push({
      detail: 'fees',
      what: `fee:${name}`,
      cardId: card.id,
      quantity: toDecimalText(units, 12),
      usd: fee.usd,
      per: fee.per,
      factor: '1',
      amount: feeAmount(fee, units),
    });
  }
  return { kind: 'priced', ...rounded(exact) };
}

type ExactLine = Omit<PriceLine, 'picoUsd'> & { /** In picodollars. */ amount: Ratio };

function cardOfPart(card: PriceCard, part: UsagePart, context: PricingContext): PriceCard | undefined {
  const { model } = part;
  if (model === undefined || model === card.model || card.aliases.includes(model)) return card;
  return context.cardOf?.(model);
}

function tokenLines(card: PriceCard, part: UsagePart, usage: Usage, time?: CallTime): ExactLine[] | Unpriced {
  const conditions = new Set<ConditionText>();
  for (const [path, value] of Object.entries(usage.conditions)) {
    const text = `${path}=${value}`;
    if (!pricesCondition(card, text)) return unpriced('condition', text);
    conditions.add(text);
  }
  const variant = card.variants.find(({ when }) => conditions.has(when));
  const set: RateSet = variant === undefined ? card : variantSet(card, variant);
  const rates = ratesAt(set, part.tierInputTokens);
  const factor = card.multipliers
    .filter(({ when }) => conditions.has(when))
    .reduce((product, { factor }) => times(product, decimal(factor)), periodFactor(card, time));

  const lines: ExactLine[] = [];
  for (const kind of TOKEN_KINDS) {
    const tokens = part.tokens[kind] ?? 0n;
    if (tokens < 0n) throw new RangeError(`${tokens} tokens of ${kind}`);
    if (tokens === 0n) continue;
    const rate = rateOf(rates, kind);
    if (rate === undefined) return unpriced('token_kind', kind);
    lines.push({
      detail: detailOf(kind),
      what: kind,
      cardId: card.id,
      quantity: tokens.toString(),
      usd: rate,
      per: '1000000',
      factor: toDecimalText(factor, 12),
      amount: times(times(whole(tokens), decimal(rate)), times(factor, PICO_PER_USD_PER_MILLION)),
    });
  }
  return lines;
}

/** A dollar for a million tokens is a millionth of 1e12 picodollars a token. */
const PICO_PER_USD_PER_MILLION: Ratio = whole(1_000_000n);

function detailOf(kind: TokenKind): DetailKind {
  switch (kind) {
    case 'input':
    case 'input_audio':
    case 'input_image':
      return 'input';
    case 'cache_read':
    case 'cache_read_audio':
      return 'cache_read';
    case 'cache_write':
    case 'cache_write_5m':
    case 'cache_write_1h':
    case 'cache_write_12h':
      return 'cache_write';
    case 'output':
    case 'output_audio':
    case 'output_image':
      return 'output';
  }
}

/**
 * Rounds once: a line is the difference between two running totals, each rounded up, so lines sum to the
 * rounded total exactly, none is negative, and each is within a picodollar of its exact amount.
 */
function rounded(exact: ExactLine[]): { totalPicoUsd: PicoUsd; details: CostDetails; lines: PriceLine[] } {
  const details = Object.fromEntries(DETAIL_KINDS.map((kind) => [kind, picoUsd(0n)])) as CostDetails;
  const lines: PriceLine[] = [];
  let running = ZERO;
  let before = 0n;
  for (const { amount, ...line } of exact) {
    running = sum(running, amount);
    const after = divCeil(running.n, running.d);
    const share = picoUsd(after - before);
    details[line.detail] = picoUsd(details[line.detail] + share);
    lines.push({ ...line, picoUsd: share });
    before = after;
  }
  return { totalPicoUsd: picoUsd(before), details, lines };
}

function unpriced(reason: Unpriced['reason'], what: string): Unpriced {
  return { kind: 'unpriced', reason, what };
}

/**
 * Checks a document of cost vectors (format cost-vectors/1) with the readers and the calculator that the
 * gateway runs. Each vector brings its own prices, so each is priced on a card made from it.
 */
import * as z from 'zod';
import { picoUsd, type PicoUsd } from '../../core/brands.ts';
import { divCeil, formatUsd, PICO_PER_USD } from '../../core/money.ts';
import { priceUsage } from '../../core/pricing/calculator.ts';
import { priceCardSchema, type PriceCard } from '../../core/pricing/card.ts';
import { parseDecimal, toDecimalText, whole, type Ratio } from '../../core/pricing/ratio.ts';
import type { Usage } from '../../core/pricing/usage.ts';
import { parseRfc3339 } from '../../core/time.ts';
import { conditionText, valueAt } from './reported-count.ts';
import { isUsageDialect, usageReaders } from './usage-readers.ts';

export interface VectorDifference {
  id: string;
  /** Canonical dollars. */
  expected: string;
  /** Canonical dollars, or why there is no amount. */
  got: string;
  /** got / expected, cut after six decimals; absent where there is no such number. */
  factor?: string;
}

export interface VectorReport {
  differences: VectorDifference[];
  passed: number;
  failed: number;
}

/** The document must be of this format as a whole; one vector that cannot be priced is one difference. */
export function checkVectors(document: unknown): VectorReport {
  const parsed = documentSchema.safeParse(document);
  if (!parsed.success) throw new UnreadableVectors(z.prettifyError(parsed.error));
  const differences: VectorDifference[] = [];
  for (const vector of parsed.data.vectors) {
    const difference = differenceOf(vector);
    if (difference !== undefined) differences.push(difference);
  }
  const failed = differences.length;
  return { differences, passed: parsed.data.vectors.length - failed, failed };
}

/** One line of text for each difference, then the count. */
export function reportLines({ differences, passed, failed }: VectorReport): string[] {
  const lines = differences.map(({ id, expected, got, factor }) =>
    [`${id}: expected ${expected}, got ${got}`, ...(factor === undefined ? [] : [`factor ${factor}`])].join(
      ', ',
    ),
  );
  return [...lines, `${passed} passed, ${failed} failed`];
}

/** The file is not of the format cost-vectors/1. */
export class UnreadableVectors extends Error {
  override name = 'UnreadableVectors';
}

const decimalText = z.string().regex(/^[0-9]+(\.[0-9]+)?$/);
const ratesSchema = z.record(z.string(), decimalText);
const tierSchema = z.looseObject({
  basis: z.string(),
  op: z.string(),
  threshold: z.int().nonnegative(),
  rates: ratesSchema,
});
/** Prices of another model that took part; the multipliers of the call hold for it, too. */
const otherPricesSchema = z.looseObject({ rates: ratesSchema, tiers: z.array(tierSchema).default([]) });
const pricesSchema = otherPricesSchema.extend({
  unit: z.literal('USD per 1e6 tokens'),
  multipliers: z.array(z.looseObject({ when: z.string(), factor: decimalText })).default([]),
  fees: z.record(z.string(), z.looseObject({ usd: decimalText, per: decimalText })).default({}),
  models: z.record(z.string(), otherPricesSchema).default({}),
});

const vectorSchema = z.looseObject({
  id: z.string(),
  dialect: z.string(),
  model: z.string().default('model'),
  usage: z.unknown(),
  prices: pricesSchema,
  context: z
    .looseObject({
      /** Units that no usage block holds. */
      tool_calls: z.record(z.string(), z.int().nonnegative()).optional(),
      search_queries: z.int().nonnegative().optional(),
      min_seconds: z.int().nonnegative().optional(),
      /** When the call ran. */
      at: z.string().optional(),
    })
    .default({}),
  expected_cost_usd: decimalText,
});
type Vector = z.output<typeof vectorSchema>;

const documentSchema = z.looseObject({
  format: z.literal('cost-vectors/1'),
  vectors: z.array(vectorSchema),
});

function differenceOf(vector: Vector): VectorDifference | undefined {
  const expected = expectedOf(vector);
  const got = priceOf(vector);
  if (typeof got === 'string') return { id: vector.id, expected: formatUsd(expected), got };
  if (got === expected) return undefined;
  return {
    id: vector.id,
    expected: formatUsd(expected),
    got: formatUsd(got),
    ...(expected > 0n && { factor: toDecimalText({ n: got, d: expected }, 6) }),
  };
}

/** Amounts finer than a picodollar are rounded up, as a charge is. */
function expectedOf(vector: Vector): PicoUsd {
  const { n, d } = parseDecimal(canonical(vector.expected_cost_usd))!;
  return picoUsd(divCeil(n * PICO_PER_USD, d));
}

/** The amount, or why there is none. */
function priceOf(vector: Vector): PicoUsd | string {
  if (!isUsageDialect(vector.dialect)) return `no reader for the dialect ${vector.dialect}`;
  const fees = countedFees(vector);
  const reading = usageReaders[vector.dialect]({
    usage: vector.usage,
    response: vector.context,
    ...(fees && { fees }),
  });
  if (reading.kind === 'unreadable') return `unreadable: ${reading.reason}`;
  const usage = withNamedConditions(vector, reading.usage);

  const cards = new Map<string, PriceCard>();
  for (const [model, prices] of [
    [vector.model, vector.prices],
    ...Object.entries(vector.prices.models),
  ] as const) {
    const card = cardOf(vector, usage, model, prices);
    if (!card.success) return `no card holds these prices: ${z.prettifyError(card.error)}`;
    cards.set(model, card.data);
  }
  const at = vector.context.at === undefined ? undefined : parseRfc3339(vector.context.at);
  const pricing = priceUsage(cards.get(vector.model)!, usage, {
    ...(at !== undefined && { time: { from: at, to: at } }),
    cardOf: (model) => cards.get(model),
  });
  return pricing.kind === 'priced' ? pricing.totalPicoUsd : `no price for ${pricing.reason} ${pricing.what}`;
}

/** Undefined where the vector counts none itself, so that the reader counts what it finds. */
function countedFees({ context }: Vector): Record<string, Ratio> | undefined {
  const { tool_calls: calls, search_queries: queries } = context;
  if (calls === undefined && queries === undefined) return undefined;
  const counts = { ...calls, ...(queries !== undefined && { web_search: queries }) };
  return Object.fromEntries(Object.entries(counts).map(([name, units]) => [name, whole(BigInt(units))]));
}

/** A multiplier may stand on a value that its reader does not watch; the path says where the vector has it. */
function withNamedConditions(vector: Vector, usage: Usage): Usage {
  const conditions = { ...usage.conditions };
  for (const { when } of vector.prices.multipliers) {
    const path = when.slice(0, when.indexOf('='));
    const [root, ...members] = path.split('.');
    const value = valueAt(root === 'usage' ? vector.usage : vector.context, members);
    if (value !== undefined && value !== null) conditions[path] = conditionText(value);
  }
  return { ...usage, conditions };
}

/**
 * A vector's rates are those of its own call, so what the call reports is at list rate where no multiplier
 * names it.
 */
function cardOf(vector: Vector, usage: Usage, model: string, prices: z.output<typeof otherPricesSchema>) {
  const { multipliers, fees } = vector.prices;
  const minimum = vector.context.min_seconds;
  return priceCardSchema.safeParse({
    id: `openai/${model}@2026-01-01`,
    provider: 'openai',
    model,
    endpoints: ['openai-chat'],
    rates: canonicalRates(prices.rates),
    tiers: prices.tiers.map(({ basis, op, threshold, rates }) => ({
      basis,
      op,
      threshold: BigInt(threshold),
      rates: canonicalRates(rates),
    })),
    multipliers: multipliers.map(({ when, factor }) => ({ when, factor: canonical(factor) })),
    fees: Object.fromEntries(
      Object.entries(fees).map(([name, { usd, per }]) => [
        name,
        {
          usd: canonical(usd),
          per: canonical(per),
          ...(name === 'audio_second' && minimum !== undefined && { minimum: minimum.toString() }),
        },
      ]),
    ),
    listRateConditions: Object.entries(usage.conditions).map(([path, value]) => `${path}=${value}`),
    limits: { contextTokens: 0n, maxOutputTokens: 0n },
    effectiveFrom: '2026-01-01',
    checkedOn: '2026-01-01',
    sources: ['https://example.com/cost-vectors'],
  });
}

function canonicalRates(rates: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(rates).map(([kind, rate]) => [kind, canonical(rate)]));
}

/** Without leading zeros, which cards and amounts do not have. */
const canonical = (text: string): string => text.replace(/^0+(?=[0-9])/, '');

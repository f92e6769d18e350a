/** Makes the receipt of a charge: the arithmetic is done again, by the cards that the charge cites. */
import { epochMs, picoUsd } from '../brands.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { Charge } from '../ledger/charge.ts';
import type { ChargeReading } from '../ledger/charge-reading.ts';
import { correctedUse, correctionsOf } from '../ledger/corrections.ts';
import { METRIC_LETTER, type MetricLetter } from '../ledger/leaf.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { formatUsd } from '../money.ts';
import { priceUsage, type PriceLine } from '../pricing/calculator.ts';
import type { PriceBook } from '../pricing/price-book.ts';
import { cardToText } from '../pricing/price-items.ts';
import { toDecimalText } from '../pricing/ratio.ts';
import type { Usage } from '../pricing/usage.ts';
import { sha256 } from '../request-ids.ts';
import { toRfc3339 } from '../time.ts';
import type { Receipt, ReceiptCard, ReceiptLine, ReceiptPricing } from './receipt-document.ts';

/** Throws TableUnavailable. */
export async function receiptOf(
  { ledger, book }: { ledger: Pick<Ledger, 'readCharge'>; book: PriceBook },
  charge: Charge,
): Promise<Receipt> {
  const { info, used, reading } = charge;
  const corrections = await correctionsOf(ledger, charge);
  const priced = await pricingOf(charge, book);
  const usage = usageBlockOf(reading);
  const document: Omit<Receipt, 'sha256'> = {
    format: 'spendcap-receipt/1',
    request_id: info.rq,
    at: toRfc3339(epochMs(Number(info.ts))),
    user: info.us,
    team: info.tm,
    app: info.ap,
    feature: info.ft,
    dialect: info.ep,
    model_requested: info.md,
    model: charge.modelServed,
    outcome: charge.outcome,
    usage_block: usage.block,
    usage_note: usage.note,
    pricing: 'note' in priced ? null : priced,
    pricing_note: 'note' in priced ? priced.note : null,
    reserved_usd: formatUsd(picoUsd(info.pu)),
    tokens_charged: String(used.t),
    cost_usd: formatUsd(picoUsd(used.u)),
    evidence: charge.source ?? null,
    accounts: Object.entries(charge.accounts).map(([account, { k, n, m }]) => ({
      account,
      metric: METRIC_OF[m],
      window_key: String(k),
      held: amountText(m, n),
      charged: amountText(m, used[m]),
    })),
    adjustments: await Promise.all(corrections.map((correction) => adjustmentView(charge, correction, book))),
    final_cost_usd: formatUsd(picoUsd(correctedUse(charge, corrections).u)),
  };
  return { ...document, sha256: await hashOf(document) };
}

/** SHA-256 of a value's canonical JSON. */
export const hashOf = (value: unknown): Promise<string> => sha256(canonicalJson(value));

const METRIC_OF = Object.fromEntries(
  Object.entries(METRIC_LETTER).map(([metric, letter]) => [letter, metric]),
) as Record<MetricLetter, keyof typeof METRIC_LETTER>;

const amountText = (metric: MetricLetter, amount: bigint): string =>
  metric === 'u' ? formatUsd(picoUsd(amount)) : String(amount);

async function adjustmentView(
  charge: Charge,
  { used, source, cards }: Charge,
  book: PriceBook,
): Promise<Receipt['adjustments'][number]> {
  const priced =
    cards && charge.reading
      ? await pricingOf({ ...charge, reading: { ...charge.reading, ...cards } }, book)
      : null;
  return {
    cost_usd: formatUsd(picoUsd(used.u)),
    tokens: String(used.t),
    requests: String(used.r),
    evidence: source ?? '',
    pricing: priced && 'note' in priced ? null : priced,
  };
}

function usageBlockOf(reading: ChargeReading | undefined): {
  block: Receipt['usage_block'];
  note: string | null;
} {
  if (!reading) return { block: null, note: null };
  const { reported } = reading;
  switch (reported.kind) {
    case 'kept':
      return { block: JSON.parse(reported.text) as Record<string, unknown>, note: null };
    case 'too_long':
      return { block: null, note: `the usage block was longer than is kept: ${reported.bytes} bytes` };
    case 'none':
      return { block: null, note: 'this endpoint answers no usage; the request says what is billed' };
  }
}

async function pricingOf(charge: Charge, book: PriceBook): Promise<ReceiptPricing | { note: string }> {
  const { reading, info, latencyMs } = charge;
  if (!reading) return { note: whyNotPriced(charge) };
  const { usage, card, otherCards } = reading;
  const from = epochMs(Number(info.ts));
  const to = epochMs(from + Number(latencyMs));
  const cost = priceCited(reading, book, { from, to });
  if (cost === undefined) return { note: 'a price card that the charge cites is not known here any more' };
  const others = [...new Set(Object.values(otherCards))].filter((id) => id !== card);
  const modelsOf = (id: string) => Object.keys(otherCards).filter((model) => otherCards[model] === id);
  return {
    usage: usageView(usage),
    from: toRfc3339(from),
    to: toRfc3339(to),
    cards: await Promise.all([card, ...others].map((id) => cardView(id, modelsOf(id), book))),
    lines: cost.lines.map(lineView),
    total_usd: formatUsd(cost.totalPicoUsd),
  };
}

function priceCited(
  { usage, card, otherCards }: ChargeReading,
  book: PriceBook,
  time: { from: ReturnType<typeof epochMs>; to: ReturnType<typeof epochMs> },
) {
  const cited = book.byId(card);
  if (!cited) return undefined;
  const cost = priceUsage(cited, usage, { time, cardOf: (model) => book.byId(otherCards[model] ?? '') });
  return cost.kind === 'priced' ? cost : undefined;
}

function whyNotPriced({ outcome, source, reason }: Charge): string {
  if (source !== undefined) return 'charged on the evidence that it names, not on a usage block';
  switch (outcome) {
    case 'voided':
      return 'the provider did nothing that it bills';
    case 'presumed_spent':
      return `nobody could read what the provider billed${reason === undefined ? '' : ` (${reason})`}, so the call is charged at its hold until evidence corrects it`;
    case 'settled':
    case 'overrun':
    case 'adjusted':
      return 'charged before charges kept what a receipt needs';
  }
}

const usageView = ({ parts, fees, conditions }: Usage): ReceiptPricing['usage'] => ({
  parts: parts.map(({ model, tokens, tierInputTokens }) => ({
    model: model ?? null,
    tokens: Object.fromEntries(Object.entries(tokens).map(([kind, count]) => [kind, String(count)])),
    tier_input_tokens: String(tierInputTokens),
  })),
  fees: Object.fromEntries(Object.entries(fees).map(([name, units]) => [name, toDecimalText(units, 24)])),
  conditions: { ...conditions },
});

export const lineView = (line: PriceLine): ReceiptLine => ({
  detail: line.detail,
  what: line.what,
  card: line.cardId,
  quantity: line.quantity,
  usd: line.usd,
  per: line.per,
  factor: line.factor,
  amount_usd: formatUsd(line.picoUsd),
});

async function cardView(id: string, models: string[], book: PriceBook): Promise<ReceiptCard> {
  const { card, factor } = book.basisOf(id)!;
  const json = JSON.parse(cardToText(card)) as Record<string, unknown>;
  return { id, models, sha256: await hashOf(json), paid_factor: factor ?? null, card: json };
}

/** A priced call as rows of text, for `price quote` and receipts. */
import { formatUsd } from '../money.ts';
import { priceUsage, type PricingContext } from './calculator.ts';
import type { PriceCard } from './card.ts';
import type { Usage } from './usage.ts';

/** One row a line of the receipt, then the total and the card; or the one row that says what has no price. */
export function explainQuote(card: PriceCard, usage: Usage, context: PricingContext = {}): string[] {
  const pricing = priceUsage(card, usage, context);
  if (pricing.kind === 'unpriced')
    return [`no price: the card ${card.id} has none for ${pricing.reason.replace('_', ' ')} ${pricing.what}`];
  const rows = pricing.lines.map(({ what, cardId, quantity, usd, per, factor, picoUsd }) => {
    const byFactor = factor === '1' ? '' : ` x ${factor}`;
    const onCard = cardId === card.id ? '' : `  (${cardId})`;
    return `${what}: ${quantity} x ${usd} USD / ${per}${byFactor} = ${formatUsd(picoUsd)} USD${onCard}`;
  });
  return [...rows, `total: ${formatUsd(pricing.totalPicoUsd)} USD`, `card: ${card.id}`];
}

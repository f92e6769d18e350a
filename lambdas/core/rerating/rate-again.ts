/** What a charge comes to by the prices that are known now to have held when its call was made. */
import { epochMs, picoUsd, type PicoUsd } from '../brands.ts';
import type { Charge } from '../ledger/charge.ts';
import type { CitedCards } from '../ledger/charge-reading.ts';
import { priceUsage } from '../pricing/calculator.ts';
import type { PriceBook } from '../pricing/price-book.ts';

export type RatedAgain =
  | { kind: 'rated'; model: string; costPicoUsd: PicoUsd; cards: CitedCards }
  /** Nothing was computed for it (presumed spent, on evidence), or it cannot be computed any more. */
  | { kind: 'not_rated'; reason: string };

export function rateAgain(charge: Charge, book: PriceBook): RatedAgain {
  const { reading, info, latencyMs } = charge;
  if (!reading) return { kind: 'not_rated', reason: `${charge.outcome}: no usage was priced` };
  const cited = book.byId(reading.card);
  if (!cited) return { kind: 'not_rated', reason: `the card ${reading.card} is not known any more` };
  const at = epochMs(Number(info.ts));
  const find = (model: string) => book.find(info.ep, model, at);
  const card = find(cited.model) ?? cited;
  const otherCards: Record<string, string> = {};
  const cost = priceUsage(card, reading.usage, {
    time: { from: at, to: epochMs(at + Number(latencyMs)) },
    cardOf: (model) => {
      const other = find(model) ?? book.byId(reading.otherCards[model] ?? '');
      if (other) otherCards[model] = other.id;
      return other;
    },
  });
  if (cost.kind === 'unpriced')
    return { kind: 'not_rated', reason: `${card.id} has no price for the ${cost.reason} ${cost.what}` };
  const cards = { card: card.id, otherCards };
  return { kind: 'rated', model: cited.model, costPicoUsd: picoUsd(cost.totalPicoUsd), cards };
}

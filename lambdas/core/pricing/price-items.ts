/**
 * Price cards as the table holds them: one item a card, put if absent and never written again, since charges cite
 * cards and must be re-rated by what they cited.
 */
import type { Item, ItemKey, PutWrite } from '../ports.ts';
import { priceCardSchema, type PriceCard } from './card.ts';

export const priceKey = (cardId: string): ItemKey => ({ pk: `PRICE#${cardId}`, sk: '-' });

/** Refused where the card is there already. */
export const putCard = (card: PriceCard): PutWrite => ({
  item: cardToItem(card),
  condition: 'attribute_not_exists(pk)',
});

/** The card is one text, because nobody ever changes or compares a part of it in the table. */
export function cardToItem(card: PriceCard): Item & ItemKey {
  return {
    ...priceKey(card.id),
    gpk: 'PRICES',
    gsk: card.id,
    id: card.id,
    provider: card.provider,
    model: card.model,
    effectiveFrom: card.effectiveFrom,
    card: JSON.stringify(card, bigintAsText),
  };
}

/** Throws where the item is no card. */
export function cardFromItem(item: Item): PriceCard {
  return priceCardSchema.parse(JSON.parse(item['card'] as string));
}

/** True when both price a call alike. When a person last looked, and where, are no part of the price. */
export function isSamePrice(a: PriceCard, b: PriceCard): boolean {
  const priced = (card: PriceCard): string =>
    JSON.stringify({ ...card, checkedOn: undefined, sources: undefined }, bigintAsText);
  return priced(a) === priced(b);
}

/** The schema reads counts as text. */
const bigintAsText = (_name: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

/** A card that the table gives back is the card that was put, to the last digit. */
import { describe, expect, test } from 'vitest';
import { cardFromItem, cardToItem, isSamePrice } from '../../lambdas/core/pricing/price-items.ts';
import { reviewedCards } from '../../prices/reviewed.ts';

describe('price items', () => {
  test('every reviewed card comes back as it was put', () => {
    for (const card of reviewedCards) expect(cardFromItem(cardToItem(card))).toStrictEqual(card);
  });

  test('one item a card, by its id', () => {
    const card = reviewedCards.find(({ id }) => id === 'openai/gpt-5-mini@2025-08-07')!;
    expect(cardToItem(card)).toMatchObject({
      pk: 'PRICES',
      sk: 'card#openai/gpt-5-mini@2025-08-07',
      provider: 'openai',
      model: 'gpt-5-mini',
      effectiveFrom: '2025-08-07',
    });
  });

  test('no card comes near the size of an item', () => {
    const longest = Math.max(...reviewedCards.map((card) => JSON.stringify(cardToItem(card)).length));
    expect(longest).toBeLessThan(8_000);
  });

  test('another look at the sources is no other price', () => {
    const card = reviewedCards[0]!;
    expect(isSamePrice(card, { ...card, checkedOn: '2026-12-01', sources: ['https://example.com/'] })).toBe(
      true,
    );
    expect(isSamePrice(card, { ...card, rates: { ...card.rates, output: '0.01' } })).toBe(false);
  });
});

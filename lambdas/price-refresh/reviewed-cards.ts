/**
 * Brings the reviewed cards into the table and tells of those that are new. What is to be told is noted before the
 * cards are written and struck off after it was told: a run that dies in between is finished by the next one, so
 * news may come twice, with one id, and never not at all.
 */
import pLimit from 'p-limit';
import type { PriceCard } from '../core/pricing/card.ts';
import { cardFromItem, isSamePrice, cardKey, putCard } from '../core/pricing/price-items.ts';
import { isApplied, type Item, type ItemKey, type PutWrite, type Table } from '../core/ports.ts';
import { sha256 } from '../core/request-ids.ts';
import type { PricesChanged } from '../core/events/prices-changed.ts';

export interface ReviewedCards {
  added: string[];
  /** Cards that stand in the table with another price under the same id. The table's goes on; someone edited a card. */
  edited: string[];
}

type CardTable = Pick<Table, 'get' | 'put'>;

/** Reads and writes at once: a whole snapshot takes a second or two. */
const AT_ONCE = 10;

/** Throws TableUnavailable, and what `tell` throws; a repeat goes on where this run stopped. */
export async function putReviewedCards(
  { table, tell }: { table: CardTable; tell: (news: PricesChanged) => Promise<void> },
  cards: readonly PriceCard[],
): Promise<ReviewedCards> {
  const { missing, edited } = await compare(table, cards);
  const untold = untoldOf(await table.get(NEWS_KEY));
  const added = [...new Set([...untold, ...missing.map(({ id }) => id)])].sort();
  if (added.length === 0) return { added, edited };

  const id = await sha256(added.join('\n'));
  if (missing.length > 0 && !isApplied(await table.put(noted(id, added))))
    throw new Error('a write without a condition was refused');
  const limit = pLimit(AT_ONCE);
  await limit.map(missing, async (card) => isApplied(await table.put(putCard(card))));
  await tell({ id, version: 1, added, total: cards.length });
  // Refused where another run has noted more since: that one tells.
  isApplied(await table.put(struckOff(id)));
  return { added, edited };
}

async function compare(
  table: CardTable,
  cards: readonly PriceCard[],
): Promise<{ missing: PriceCard[]; edited: string[] }> {
  const limit = pLimit(AT_ONCE);
  const items = await limit.map(cards, (card) => table.get(cardKey(card.id)));
  const missing = cards.filter((_card, i) => items[i] === undefined);
  const edited = cards.filter((card, i) => {
    const item = items[i];
    return item !== undefined && !isSamePrice(cardFromItem(item), card);
  });
  return { missing, edited: edited.map(({ id }) => id) };
}

const NEWS_KEY: ItemKey = { pk: 'PRICE-NEWS', sk: '-' };

const untoldOf = (item: Item | undefined): string[] => (item?.['untold'] as string[] | undefined) ?? [];

const noted = (id: string, untold: string[]): PutWrite => ({ item: { ...NEWS_KEY, id, untold } });

const struckOff = (id: string): PutWrite => ({
  item: { ...NEWS_KEY, id, untold: [] },
  condition: '#id = :id',
  names: { '#id': 'id' },
  values: { ':id': id },
});

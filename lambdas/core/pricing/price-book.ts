/** All cards that are in force, by exact name and date. Nothing is found by a prefix. */
import type { EpochMs } from '../brands.ts';
import { parseRfc3339 } from '../time.ts';
import type { PriceCard } from './card.ts';

export interface PriceBook {
  /** The newest card of that exact id or alias in force at `at`; undefined: the model is not priced there. */
  find: (endpoint: string, model: string, at: EpochMs) => PriceCard | undefined;
  /** The card that a charge cites, in force or not. */
  byId: (cardId: string) => PriceCard | undefined;
  readonly cards: readonly PriceCard[];
}

/**
 * Throws when two cards claim one name at one endpoint on one date, or when a name would ever stand for two
 * models: which card prices a call must not depend on the order of a list.
 */
export function priceBook(cards: readonly PriceCard[]): PriceBook {
  const byId = new Map<string, PriceCard>();
  const byName = new Map<string, { card: PriceCard; from: EpochMs }[]>();
  for (const card of cards) {
    if (byId.has(card.id)) throw new RangeError(`two cards ${card.id}`);
    byId.set(card.id, card);
    for (const endpoint of card.endpoints) {
      for (const name of [card.model, ...card.aliases]) claim(byName, `${endpoint} ${name}`, card);
    }
  }
  for (const claims of byName.values()) claims.sort((a, b) => b.from - a.from);

  return {
    cards,
    byId: (cardId) => byId.get(cardId),
    find: (endpoint, model, at) => byName.get(`${endpoint} ${model}`)?.find(({ from }) => from <= at)?.card,
  };
}

function claim(
  byName: Map<string, { card: PriceCard; from: EpochMs }[]>,
  key: string,
  card: PriceCard,
): void {
  const from = parseRfc3339(`${card.effectiveFrom}T00:00:00Z`);
  if (from === undefined) throw new RangeError(`${card.id}: no such day`);
  const claims = byName.get(key) ?? [];
  for (const { card: other } of claims) {
    if (other === card) throw new RangeError(`${card.id} names "${key}" twice`);
    if (other.provider !== card.provider || other.model !== card.model)
      throw new RangeError(`"${key}" stands for ${other.id} and for ${card.id}`);
    if (other.effectiveFrom === card.effectiveFrom)
      throw new RangeError(`two cards for "${key}" on one date`);
  }
  byName.set(key, [...claims, { card, from }]);
}

/**
 * Prices as the table holds them, all in one partition: cards and overrides, put once and never written again where a
 * charge may cite them, since it must be computed again by what it cited; and what is proposed. `head` has a number that
 * each change of what prices calls raises in the same transaction, so that a reader knows by one small read whether to
 * read the rest again.
 *
 *   head                                         v
 *   card#<card id>                               a list price, and how it was accepted
 *   override#<provider>/<model>#<from>           a revision of what is paid instead
 *   proposal#<id>                                a change that is pending, or how it was decided
 */
import * as z from 'zod';
import { parseRfc3339, toSortableRfc3339 } from '../time.ts';
import { epochMs, type EpochMs } from '../brands.ts';
import { everyItem } from '../pages.ts';
import type { Item, ItemKey, PutWrite, Table, UpdateWrite } from '../ports.ts';
import { priceCardSchema, PROVIDERS, type PriceCard } from './card.ts';
import type { PriceOverride } from './override.ts';

export const PRICES = 'PRICES';
export const HEAD: ItemKey = { pk: PRICES, sk: 'head' };

/** Goes with every change of what prices calls. */
export const raiseHead = (): UpdateWrite => ({
  key: HEAD,
  update: 'SET v = if_not_exists(v, :zero) + :one',
  values: { ':zero': 0n, ':one': 1n },
});

/** All of one kind. Throws TableUnavailable. */
export async function priceItems(table: Pick<Table, 'query'>, prefix: string): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of everyItem((at) => table.query({ partition: PRICES, prefix, ...at })))
    items.push(item);
  return items;
}

export const versionOf = (head: Item | undefined): bigint => (head?.['v'] as bigint | undefined) ?? 0n;

// ---- cards -------------------------------------------------------------------------------------------------

export const CARD = 'card#';
export const cardKey = (cardId: string): ItemKey => ({ pk: PRICES, sk: `${CARD}${cardId}` });

export const putCard = (card: PriceCard, acceptance?: Acceptance): PutWrite =>
  putNew(cardToItem(card, acceptance));

/** On whose word a card came in that no release has. */
export interface Acceptance {
  by: 'one_family' | 'two_families' | 'person';
  families: string[];
  at: EpochMs;
  /** The last card before it for which more than one family stands; this one, where more than one stands for it. */
  anchor: string;
}

/** The card is one text, because nobody ever changes or compares a part of it in the table. */
export function cardToItem(card: PriceCard, acceptance?: Acceptance): Item & ItemKey {
  return {
    ...cardKey(card.id),
    id: card.id,
    provider: card.provider,
    model: card.model,
    effectiveFrom: card.effectiveFrom,
    card: cardToText(card),
    ...(acceptance && {
      by: acceptance.by,
      families: acceptance.families,
      at: BigInt(acceptance.at),
      anchor: acceptance.anchor,
    }),
  };
}

const acceptanceSchema = z.object({
  by: z.enum(['one_family', 'two_families', 'person']),
  families: z.array(z.string()),
  at: z.bigint().transform((at) => epochMs(Number(at))),
  anchor: z.string(),
});
/** Undefined for cards of a release. */
export const acceptanceOf = (item: Item): Acceptance | undefined =>
  item['by'] === undefined ? undefined : acceptanceSchema.parse(item);

/** Throws where the item is no card. */
export const cardFromItem = (item: Item): PriceCard => cardFromText(item['card'] as string);

/** The schema reads counts as text. */
export const cardToText = (card: PriceCard): string => JSON.stringify(card, bigintAsText);
export const cardFromText = (text: string): PriceCard => priceCardSchema.parse(JSON.parse(text));

/** True when both price a call alike. When a person last looked, and where, are no part of the price. */
export function isSamePrice(a: PriceCard, b: PriceCard): boolean {
  const priced = (card: PriceCard): string =>
    JSON.stringify({ ...card, checkedOn: undefined, sources: undefined }, bigintAsText);
  return priced(a) === priced(b);
}

// ---- overrides ---------------------------------------------------------------------------------------------

export const OVERRIDE = 'override#';
export const overrideKey = ({ provider, model, from }: Omit<PriceOverride, 'set'>): ItemKey => ({
  pk: PRICES,
  sk: `${OVERRIDE}${provider}/${model}#${toSortableRfc3339(from)}`,
});

const overrideSchema = z.object({
  provider: z.enum(PROVIDERS),
  model: z.string(),
  from: z.string().transform((text) => parseRfc3339(text)!),
  set: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('factor'), factor: z.string() }),
    z.strictObject({ kind: z.literal('card'), card: z.string().transform(cardFromText) }),
    z.strictObject({ kind: z.literal('ended') }),
  ]),
});

export function overrideToItem(override: PriceOverride): Item & ItemKey {
  const { provider, model, from, set } = override;
  return {
    ...overrideKey(override),
    provider,
    model,
    from: toSortableRfc3339(from),
    set: set.kind === 'card' ? { kind: set.kind, card: cardToText(set.card) } : { ...set },
  };
}

export const overrideFromItem = (item: Item): PriceOverride => overrideSchema.parse(item);

/** Refused where it is there already. */
export const putNew = (item: Item & ItemKey): PutWrite => ({ item, condition: 'attribute_not_exists(pk)' });

const bigintAsText = (_name: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

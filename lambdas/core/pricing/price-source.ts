/**
 * The prices that calls are priced by: the reviewed ones of this release, and what the table has beside them. Read again
 * when they have changed and the last look is thirty seconds old, as the rest of the configuration is; what this process
 * changes itself holds at once. Without the table there are no prices, and calls are refused.
 */
import type { Clock, Item, Table } from '../ports.ts';
import { CONFIGURATION_LAG, FreshCache } from '../directory/fresh-cache.ts';
import { PROPOSAL, proposalFromItem } from '../price-changes/proposal-items.ts';
import type { PriceCard } from './card.ts';
import { priceBook, type PriceBook } from './price-book.ts';
import {
  CARD,
  cardFromItem,
  HEAD,
  OVERRIDE,
  overrideFromItem,
  PRICES,
  versionOf,
  priceItems,
} from './price-items.ts';

export interface PriceSource {
  /** Throws TableUnavailable. */
  current(): Promise<PriceBook>;
}

export class StoredPrices implements PriceSource {
  readonly #table: Pick<Table, 'get' | 'query'>;
  readonly #reviewed: readonly PriceCard[];
  readonly #reviewedIds: ReadonlySet<string>;
  readonly #looked: FreshCache<PriceBook>;
  #last: { version: bigint; book: PriceBook } | undefined;

  constructor({
    table,
    clock,
    reviewed,
  }: {
    table: Pick<Table, 'get' | 'query'>;
    clock: Clock;
    reviewed: readonly PriceCard[];
  }) {
    this.#table = table;
    this.#reviewed = reviewed;
    this.#reviewedIds = new Set(reviewed.map(({ id }) => id));
    this.#looked = new FreshCache(clock, CONFIGURATION_LAG);
  }

  current(): Promise<PriceBook> {
    return this.#looked.get(PRICES, () => this.#load());
  }

  /** After a change by this process. */
  forget(): void {
    this.#looked.forgetAll();
  }

  async #load(): Promise<PriceBook> {
    // Read before the rest: what changes meanwhile is seen at the next look at the latest.
    const version = versionOf(await this.#table.get(HEAD));
    if (this.#last?.version === version) return this.#last.book;
    const book = version === 0n ? priceBook(this.#reviewed) : await this.#read();
    this.#last = { version, book };
    return book;
  }

  async #read(): Promise<PriceBook> {
    const [cards, overrides, proposals] = await Promise.all(
      [CARD, OVERRIDE, PROPOSAL].map((prefix) => priceItems(this.#table, prefix)) as [
        Promise<Item[]>,
        Promise<Item[]>,
        Promise<Item[]>,
      ],
    );
    return priceBook(this.#reviewed, {
      added: cards.filter(({ id }) => !this.#reviewedIds.has(id as string)).map(cardFromItem),
      overrides: overrides.map(overrideFromItem),
      proposed: proposals
        .filter(({ state }) => state === 'pending')
        .map((item) => proposalFromItem(item).card),
    });
  }
}

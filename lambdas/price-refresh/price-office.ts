/** Everything that changes prices, over one table: the refresh and what people decide. Hosts build it once. */
import { fetchDocument } from '../adapters/price-feeds/document.ts';
import type { Feed } from '../adapters/price-feeds/families.ts';
import { PriceDesk, type PersonsDecision } from '../core/price-changes/price-desk.ts';
import type { Clock, FinanceMail, Ids, Table } from '../core/ports.ts';
import type { PriceCard } from '../core/pricing/card.ts';
import { PriceRecords } from '../core/pricing/price-records.ts';
import type { StoredPrices } from '../core/pricing/price-source.ts';
import { tellAccepted } from './news.ts';
import type { PricesChanged } from '../core/events/prices-changed.ts';
import type { FetchDocument } from './read-feeds.ts';
import { refreshPrices, type Refreshed } from './refresh.ts';

export interface PriceOfficeDeps {
  table: Table;
  clock: Clock;
  ids: Ids;
  reviewed: readonly PriceCard[];
  /** Those of this process, which are to see at once what is changed here. */
  prices: StoredPrices;
  feeds: readonly Feed[];
  tell: (news: PricesChanged) => Promise<void>;
  mail: FinanceMail;
  fetch?: FetchDocument;
}

export class PriceOffice {
  readonly prices: StoredPrices;
  readonly records: PriceRecords;
  readonly desk: PriceDesk;
  readonly #deps: PriceOfficeDeps & { fetchDocument: FetchDocument };

  constructor(deps: PriceOfficeDeps) {
    this.#deps = { ...deps, fetchDocument: deps.fetch ?? fetchDocument };
    this.prices = deps.prices;
    this.records = new PriceRecords(deps);
    this.desk = new PriceDesk({ ...deps, records: this.records });
  }

  /** Throws TableUnavailable, and what `tell` and `mail` throw; a repeat goes on where this run stopped. */
  refresh(): Promise<Refreshed> {
    return refreshPrices({ ...this.#deps, desk: this.desk, records: this.records });
  }

  /** By a person. News that cannot be told now are told by the next refresh. Throws TableUnavailable. */
  async decide(id: string, decision: 'accept' | 'reject'): Promise<PersonsDecision> {
    const decided = await this.desk.decide(id, decision);
    this.prices.forget();
    if (decided.kind === 'accepted')
      await tellAccepted({ ...this.#deps, desk: this.desk, records: this.records }).catch(() => undefined);
    return decided;
  }
}

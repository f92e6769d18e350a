/** A price office over the table of a test: no feeds but those it is given, mails and news kept. */
import type { Feed } from '../../lambdas/adapters/price-feeds/families.ts';
import type { Clock, FinanceMail, Ids, Mail, Table } from '../../lambdas/core/ports.ts';
import type { PriceCard } from '../../lambdas/core/pricing/card.ts';
import { StoredPrices } from '../../lambdas/core/pricing/price-source.ts';
import { PriceOffice } from '../../lambdas/price-refresh/price-office.ts';
import type { PricesChanged } from '../../lambdas/core/events/prices-changed.ts';
import { reviewedCards } from '../../prices/reviewed.ts';

export function testOffice({
  feeds = [],
  reviewed = reviewedCards,
  ...books
}: {
  table: Table;
  clock: Clock;
  ids: Ids;
  feeds?: readonly Feed[];
  reviewed?: readonly PriceCard[];
}) {
  const mails: Mail[] = [];
  const news: PricesChanged[] = [];
  const mail: FinanceMail = { send: async (some) => void mails.push(some) };
  const office = new PriceOffice({
    ...books,
    ...{ feeds, reviewed },
    prices: new StoredPrices({ ...books, reviewed }),
    tell: async (some) => void news.push(some),
    mail,
  });
  return { office, mail, mails, news };
}

/** The price office on AWS: news go to the bus, mail to finance by its topic, feeds are those of the policy file. */
import { PUBLIC_FEEDS } from '../adapters/price-feeds/families.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import type { StoredPrices } from '../core/pricing/price-source.ts';
import { PriceOffice } from '../price-refresh/price-office.ts';
import { reviewedCards } from '../../prices/reviewed.ts';
import type { Books } from './aws-books.ts';
import { openEventBus, openFinanceMail } from './aws-news.ts';

/** The policy file's content; the bundler puts it here, so that the code and its policy are deployed as one. */
declare const SPENDCAP_POLICY: unknown;

export function openPriceOffice(
  { table, clock, ids, prices }: Pick<Books, 'table' | 'clock' | 'ids'> & { prices: StoredPrices },
  settings: { EVENT_BUS_NAME: string; FINANCE_TOPIC_ARN: string },
): PriceOffice {
  const bus = openEventBus(settings.EVENT_BUS_NAME);
  return new PriceOffice({
    ...{ table, clock, ids, prices },
    reviewed: reviewedCards,
    feeds: parsePolicy(SPENDCAP_POLICY).priceFeeds ?? PUBLIC_FEEDS,
    mail: openFinanceMail(settings.FINANCE_TOPIC_ARN),
    tell: async (detail) => {
      const failed = await bus.publish([{ type: 'PricesChanged', detail }]);
      if (failed.length > 0) throw new Error('the news of changed prices was not taken');
    },
  });
}

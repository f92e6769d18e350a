/** The price office on AWS: news go to the bus, mail to finance by its topic, feeds are those of the policy file. */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { EventBridgeBus } from '../adapters/eventbridge/eventbridge-bus.ts';
import { PUBLIC_FEEDS } from '../adapters/price-feeds/families.ts';
import { FinanceTopic } from '../adapters/sns/finance-topic.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import type { FinanceMail } from '../core/ports.ts';
import type { StoredPrices } from '../core/pricing/price-source.ts';
import { PriceOffice } from '../price-refresh/price-office.ts';
import { reviewedCards } from '../../prices/reviewed.ts';
import type { Books } from './aws-books.ts';
import { text } from './environment.ts';
import { standardOutput } from './log.ts';

/** The policy file's content; the bundler puts it here, so that the code and its policy are deployed as one. */
declare const SPENDCAP_POLICY: unknown;

export const priceOfficeEnvironment = { EVENT_BUS_NAME: text, FINANCE_TOPIC_ARN: text };

export const openFinanceMail = (topicArn: string): FinanceMail =>
  new FinanceTopic({ client: new SNSClient(timeLimits(BACKGROUND_SILENCE_MS_MAX)), topicArn });

export function openPriceOffice(
  { table, clock, ids, prices }: Pick<Books, 'table' | 'clock' | 'ids'> & { prices: StoredPrices },
  settings: { EVENT_BUS_NAME: string; FINANCE_TOPIC_ARN: string },
): PriceOffice {
  const report = (reason: string): void => standardOutput({ kind: 'event_not_taken', reason });
  const bus = new EventBridgeBus({
    client: new EventBridgeClient(timeLimits(BACKGROUND_SILENCE_MS_MAX)),
    name: settings.EVENT_BUS_NAME,
    report,
  });
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

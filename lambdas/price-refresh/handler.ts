/** The price refresh as a scheduled Lambda function. */
import { openAwsBooks } from '../runtime/aws-books.ts';
import { newsEnvironment } from '../runtime/aws-news.ts';
import { openPriceOffice } from '../runtime/aws-price-office.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, withMetrics, type Log } from '../runtime/log.ts';
import { openPrices } from '../runtime/stored-prices.ts';
import type { Clock } from '../core/ports.ts';
import type { PriceOffice } from './price-office.ts';

export interface PriceRefreshDeps {
  office: Pick<PriceOffice, 'refresh'>;
  clock: Clock;
}

let deps: PriceRefreshDeps | undefined;
export const handler = createHandler({ open: () => (deps ??= openDeps()), log: standardOutput });

function openDeps(): PriceRefreshDeps {
  const settings = readEnvironment({ TABLE_NAME: text, ...newsEnvironment }, process.env);
  const books = openAwsBooks(settings.TABLE_NAME);
  return { office: openPriceOffice({ ...books, prices: openPrices(books) }, settings), clock: books.clock };
}

/** What it throws fails the invocation: the next run goes on where this one stopped. */
export function createHandler({ open, log }: { open: () => PriceRefreshDeps; log: Log }) {
  return async (): Promise<void> => {
    const { office, clock } = open();
    const { feeds, ...prices } = await office.refresh();
    const { added, edited, accepted, proposed, withdrawn, refused, shadowed, pending } = prices;
    const failed = feeds.filter(({ status }) => status === 'failed');
    const metrics = {
      PriceCardsAdded: added.length + accepted.length,
      PriceCardsEdited: edited.length,
      PriceFeedsFailed: failed.length,
      PricesPending: pending.filter(({ replaces }) => replaces !== null).length,
      PricesRefused: refused.length,
    };
    log({
      kind: 'prices_refreshed',
      feeds,
      added,
      edited,
      accepted: accepted.map(({ id }) => id),
      proposed: proposed.map(({ id }) => id),
      withdrawn: withdrawn.map(({ id }) => id),
      refused: refused.slice(0, LOGGED_MAX),
      shadowed: shadowed.slice(0, LOGGED_MAX),
      ...withMetrics('price-refresh', clock.now(), metrics),
    });
  };
}

/** A line of a log is cut at 256 KB. */
const LOGGED_MAX = 50;

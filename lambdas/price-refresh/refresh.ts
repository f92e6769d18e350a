/**
 * One refresh, in order: the cards of the release go into the table, the feeds are read, what they say is weighed, and
 * who has to hear of it is told. It runs by the hour and whenever somebody asks; two at a time do no harm.
 */
import { leftOutOf, type LeftOut } from '../core/price-changes/left-out.ts';
import type { PriceDesk, Heard } from '../core/price-changes/price-desk.ts';
import type { PriceCard } from '../core/pricing/card.ts';
import { tellAccepted, type NewsDeps } from './news.ts';
import { readFeeds, type FeedReport, type ReadFeedsDeps } from './read-feeds.ts';
import { putReviewedCards, type ReviewedCards } from './reviewed-cards.ts';

export interface RefreshDeps extends NewsDeps, Pick<ReadFeedsDeps, 'feeds' | 'fetchDocument'> {
  desk: PriceDesk;
  reviewed: readonly PriceCard[];
}

export interface Refreshed extends Omit<Heard, 'withoutCard'>, ReviewedCards {
  feeds: (FeedReport & {
    /** Models that it speaks of and no card is for, and why none is proposed. */
    withoutCard: LeftOut[];
  })[];
}

/** Throws TableUnavailable, and what `tell` and `mail` throw; a repeat goes on where this run stopped. */
export async function refreshPrices(deps: RefreshDeps): Promise<Refreshed> {
  const ofRelease = await putReviewedCards(deps, deps.reviewed);
  const { reports, statements } = await readFeeds(deps);
  const { withoutCard, ...heard } = await deps.desk.hear(statements);
  deps.prices.forget();
  await tellAccepted(deps);
  const feeds = reports.map((report) => ({
    ...report,
    withoutCard: leftOutOf(withoutCard.filter(({ source }) => source === report.url)),
  }));
  return { feeds, ...ofRelease, ...heard };
}

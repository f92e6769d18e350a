/** The price refresh as a scheduled Lambda function: the cards of this deployment go into the table, once each. */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { reviewedCards } from '../../prices/reviewed.ts';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { EventBridgeBus } from '../adapters/eventbridge/eventbridge-bus.ts';
import type { PriceCard } from '../core/pricing/card.ts';
import type { Clock, EventBus, Table } from '../core/ports.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, withMetrics, type Log } from '../runtime/log.ts';
import { PRICES_CHANGED } from './prices-changed.ts';
import { refreshPrices } from './refresh.ts';

export interface PriceRefreshDeps {
  table: Table;
  bus: EventBus;
  clock: Clock;
}

let deps: PriceRefreshDeps | undefined;
export const handler = createHandler({
  open: () => (deps ??= openDeps()),
  cards: reviewedCards,
  log: standardOutput,
});

function openDeps(): PriceRefreshDeps {
  const settings = readEnvironment({ TABLE_NAME: text, EVENT_BUS_NAME: text }, process.env);
  const { table, clock } = openAwsBooks(settings.TABLE_NAME);
  const report = (reason: string): void => standardOutput({ kind: 'event_not_taken', reason });
  const client = new EventBridgeClient(timeLimits(BACKGROUND_SILENCE_MS_MAX));
  const bus = new EventBridgeBus({ client, name: settings.EVENT_BUS_NAME, report });
  return { table, bus, clock };
}

/** What it throws fails the invocation: the next run goes on where this one stopped. */
export function createHandler({
  open,
  cards,
  log,
}: {
  open: () => PriceRefreshDeps;
  cards: readonly PriceCard[];
  log: Log;
}) {
  return async (): Promise<void> => {
    const { table, bus, clock } = open();
    const tell = async (detail: object): Promise<void> => {
      const failed = await bus.publish([{ type: PRICES_CHANGED, detail }]);
      if (failed.length > 0) throw new Error('the news of changed prices was not taken');
    };
    const { added, edited } = await refreshPrices({ table, tell }, cards);
    const metrics = { PriceCardsAdded: added.length, PriceCardsEdited: edited.length };
    log({ kind: 'prices_refreshed', added, edited, ...withMetrics('price-refresh', clock.now(), metrics) });
  };
}

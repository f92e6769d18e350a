/**
 * The charge feed and the roll-up on this machine: every second what was charged opens its hour, every minute the rows
 * of hours that are over are made, and unusual days told of. On AWS the stream and a schedule do the same.
 */
import { openAnomalyDesk } from '../lambdas/core/anomalies/anomaly-desk.ts';
import { epochMs, type DurationMs } from '../lambdas/core/brands.ts';
import { createChargeFeed } from '../lambdas/charge-feed/charge-feed.ts';
import type { BusEvent } from '../lambdas/core/events/catalogue.ts';
import type { Policy } from '../lambdas/core/policy/policy.ts';
import type { EventBus, FinanceMail } from '../lambdas/core/ports.ts';
import { checkRows, lacksCharges } from '../lambdas/core/rollups/check-rows.ts';
import { hourOf } from '../lambdas/core/rollups/plan.ts';
import type { RowReader } from '../lambdas/core/rollups/read-rows.ts';
import { rollUp } from '../lambdas/core/rollups/roll-up.ts';
import { HOUR, MINUTE, plus, SECOND, toRfc3339 } from '../lambdas/core/time.ts';
import type { ChargeChanges } from './charge-changes.ts';
import { startRounds } from './rounds.ts';

const RECORDS_A_BATCH = 1000;
/** What an earlier process charged and did not tell any more. */
const HOURS_BEFORE_START = 48;

export function startRollUp({
  changes,
  reader,
  every = MINUTE,
  published,
  report,
  ...desk
}: {
  changes: ChargeChanges;
  reader: RowReader;
  policy: Policy;
  mail: FinanceMail;
  /** Between two rounds. */
  every: DurationMs | undefined;
  published: (event: BusEvent) => Promise<void>;
  report: (reason: string) => void;
}): { stop(): Promise<void> } {
  const { clock, periods } = reader;
  const feed = createChargeFeed({ periods, report: ({ reason }) => report(reason) });
  const tell = async (): Promise<void> => {
    const Records = changes.take(RECORDS_A_BATCH);
    if (Records.length === 0) return;
    const { batchItemFailures } = await feed({ Records });
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    changes.putBack(Records.filter(({ dynamodb }) => failed.has(dynamodb!.SequenceNumber!)));
  };
  const bus: EventBus = {
    publish: async (events) => {
      const failed: number[] = [];
      for (const [index, event] of events.entries()) {
        await published(event).catch((error: unknown) => {
          report(String(error));
          failed.push(index);
        });
      }
      return failed;
    },
  };
  const anomalies = openAnomalyDesk({ ...desk, reader, bus });
  let isFirst = true;
  const round = async (): Promise<void> => {
    if (isFirst) await openLastHours(reader);
    isFirst = false;
    await rollUp(
      reader,
      () => false,
      async (day) => anomalies?.lookAt(day),
    );
    for (const hour of await checkRows(reader)) report(`rows of ${toRfc3339(hour)} lacked charges`);
    await anomalies?.tell();
  };
  const feeding = startRounds({ clock, report }, SECOND, tell);
  const rolling = startRounds({ clock, report }, every, round);
  return {
    stop: async () => {
      await Promise.all([feeding.stop(), rolling.stop()]);
      await tell();
    },
  };
}

async function openLastHours({ table, clock, periods }: RowReader): Promise<void> {
  const now = clock.now();
  for (let hour = hourOf(epochMs(now - HOURS_BEFORE_START * HOUR)); hour <= now; hour = plus(hour, HOUR))
    if (await lacksCharges(table, hour)) await periods.openHour(hour);
}

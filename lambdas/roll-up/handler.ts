/** The roll-up as a scheduled Lambda function: rows of hours and days that are over, a look for gaps and for unusual days. */
import type { Context } from 'aws-lambda';
import { openAnomalyDesk, type AnomalyDesk } from '../core/anomalies/anomaly-desk.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import { checkRows } from '../core/rollups/check-rows.ts';
import { Periods } from '../core/rollups/periods.ts';
import type { RowReader } from '../core/rollups/read-rows.ts';
import { rollUp } from '../core/rollups/roll-up.ts';
import { toRfc3339 } from '../core/time.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { newsEnvironment, openEventBus, openFinanceMail } from '../runtime/aws-news.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, withMetrics, type Log } from '../runtime/log.ts';

/** The policy file's content, which the bundler puts here. */
declare const SPENDCAP_POLICY: unknown;

export interface RollUpHost {
  reader: RowReader;
  /** Undefined where the policy wants no unusual day to be told of. */
  anomalies: AnomalyDesk | undefined;
}

let host: RollUpHost | undefined;
export const handler = createHandler({ open: () => (host ??= openHost()), log: standardOutput });

function openHost(): RollUpHost {
  const settings = readEnvironment({ TABLE_NAME: text, ...newsEnvironment }, process.env);
  const policy = parsePolicy(SPENDCAP_POLICY);
  const books = openAwsBooks(settings.TABLE_NAME);
  const reader = { ...books, periods: new Periods(books), zone: policy.org.timeZone };
  const bus = openEventBus(settings.EVENT_BUS_NAME);
  const mail = openFinanceMail(settings.FINANCE_TOPIC_ARN);
  const anomalies = openAnomalyDesk({ reader, policy, bus, mail });
  return { reader, anomalies };
}

/** The charges of a busy hour are read in less. */
const STOP_BEFORE_END_MS = 180_000;

/** What it throws fails the invocation: the next one goes on where this one stopped. */
export function createHandler({ open, log }: { open: () => RollUpHost; log: Log }) {
  return async (_event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const { reader, anomalies } = open();
    const isTimeUp = (): boolean => context.getRemainingTimeInMillis() < STOP_BEFORE_END_MS;
    const { hours, days } = await rollUp(reader, isTimeUp, async (day) => anomalies?.lookAt(day));
    const gaps = await checkRows(reader, isTimeUp);
    log({
      kind: 'rolled_up',
      hours: hours.map(({ hour }) => toRfc3339(hour)),
      days: days.map(({ date }) => date),
      gaps: gaps.map(toRfc3339),
      ...withMetrics('roll-up', reader.clock.now(), { RowGaps: gaps.length }),
    });
    const told = (await anomalies?.tell()) ?? 0;
    if (told > 0) log({ kind: 'anomalies_told', told });
  };
}

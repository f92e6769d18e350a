/** The roll-up as a scheduled Lambda function: rows of hours and days that are over, and a look for gaps. */
import type { Context } from 'aws-lambda';
import { parsePolicy } from '../core/policy/policy.ts';
import { checkRows } from '../core/rollups/check-rows.ts';
import { Periods } from '../core/rollups/periods.ts';
import type { RowReader } from '../core/rollups/read-rows.ts';
import { rollUp } from '../core/rollups/roll-up.ts';
import { toRfc3339 } from '../core/time.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, withMetrics, type Log } from '../runtime/log.ts';

/** The policy file's content, which the bundler puts here. */
declare const SPENDCAP_POLICY: unknown;

let reader: RowReader | undefined;
export const handler = createHandler({ open: () => (reader ??= openReader()), log: standardOutput });

function openReader(): RowReader {
  const books = openAwsBooks(readEnvironment({ TABLE_NAME: text }, process.env).TABLE_NAME);
  return { ...books, periods: new Periods(books), zone: parsePolicy(SPENDCAP_POLICY).org.timeZone };
}

/** The charges of a busy hour are read in less. */
const STOP_BEFORE_END_MS = 180_000;

/** What it throws fails the invocation: the next one goes on where this one stopped. */
export function createHandler({ open, log }: { open: () => RowReader; log: Log }) {
  return async (_event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const reader = open();
    const isTimeUp = (): boolean => context.getRemainingTimeInMillis() < STOP_BEFORE_END_MS;
    const { hours, days } = await rollUp(reader, isTimeUp);
    const gaps = await checkRows(reader, isTimeUp);
    log({
      kind: 'rolled_up',
      hours: hours.map(({ hour }) => toRfc3339(hour)),
      days: days.map(({ date }) => date),
      gaps: gaps.map(toRfc3339),
      ...withMetrics('roll-up', reader.clock.now(), { RowGaps: gaps.length }),
    });
  };
}

/** The charge feed on Lambda: the stream of the table in, hours to roll up out. */
import { Periods } from '../core/rollups/periods.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput } from '../runtime/log.ts';
import { createChargeFeed } from './charge-feed.ts';

const { TABLE_NAME } = readEnvironment({ TABLE_NAME: text }, process.env);

export const handler = createChargeFeed({
  periods: new Periods(openAwsBooks(TABLE_NAME)),
  report: (failure) => standardOutput({ kind: 'record_failed', ...failure }),
});

/** Messages of dead-letter queues, as AWS writes them. */
import type { EpochMs } from '../../lambdas/core/brands.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';

/** Of records of a stream that came in this time and were given up. */
export const recordsLetter = (from: EpochMs, to = from): string =>
  JSON.stringify({
    requestContext: { functionArn: 'arn', condition: 'RetryAttemptsExhausted', approximateInvokeCount: 11 },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    DDBStreamBatchInfo: {
      ...{ shardId: 'shard-1', startSequenceNumber: '1', endSequenceNumber: '2', batchSize: 2 },
      approximateArrivalOfFirstRecord: toRfc3339(from),
      approximateArrivalOfLastRecord: toRfc3339(to),
    },
  });

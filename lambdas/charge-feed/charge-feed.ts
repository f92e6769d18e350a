/**
 * Step 8, for charges: each opens its hour, whose rows are then made from all charges that it has. Which of them was
 * told late, twice or out of order makes no difference. A record that fails is reported by its sequence number.
 */
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { epochMs, type EpochMs } from '../core/brands.ts';
import { hourOf } from '../core/rollups/plan.ts';
import type { Periods } from '../core/rollups/periods.ts';

export interface ChargeFeedDeps {
  periods: Pick<Periods, 'openHour'>;
  report: (failure: { record: string; reason: string }) => void;
}

export function createChargeFeed({
  periods,
  report,
}: ChargeFeedDeps): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  return async ({ Records }) => {
    const failed: string[] = [];
    const attempt = async (records: readonly DynamoDBRecord[], work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        const names = records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '');
        failed.push(...names);
        for (const record of names) report({ record, reason: String(error) });
      }
    };
    const hours = new Map<EpochMs, DynamoDBRecord[]>();
    for (const record of Records) {
      await attempt([record], async () => {
        const hour = hourOfCharge(record);
        if (hour !== undefined) hours.set(hour, [...(hours.get(hour) ?? []), record]);
      });
    }
    for (const [hour, records] of hours) await attempt(records, () => periods.openHour(hour));
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

/** Of the call, also where the charge was written a day later. Undefined for everything but a new charge. */
function hourOfCharge({ dynamodb }: DynamoDBRecord): EpochMs | undefined {
  const image = dynamodb?.NewImage;
  if (!image?.['pk']?.S?.startsWith('C#') || dynamodb?.OldImage) return undefined;
  const admittedAt = image['i']?.M?.['ts']?.N;
  if (admittedAt === undefined) throw new Error('a charge that does not say when its call was admitted');
  return hourOf(epochMs(Number(admittedAt)));
}

/**
 * Step 8: the changes of leaves become events. Each record stands for itself: one that fails is reported by its
 * sequence number and comes again, and whatever comes again says the same under the same id. On AWS the records are
 * those of the table's stream; local mode makes the same ones.
 */
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { fromWire } from '../adapters/table/items.ts';
import { epochMs, type EpochMs } from '../core/brands.ts';
import type { AccountCaps } from '../core/escalation/account-caps.ts';
import { crossingsOf, type LeafChange } from '../core/escalation/crossings.ts';
import { CAP_THRESHOLD_CROSSED } from '../core/escalation/event.ts';
import { leafFromItem, type Leaf } from '../core/ledger/leaf.ts';
import type { Clock, EventBus } from '../core/ports.ts';

export interface ChangeFeedDeps {
  bus: EventBus;
  caps: AccountCaps;
  clock: Clock;
  report: (failure: { record: string; reason: string }) => void;
}

export function createChangeFeed(
  deps: ChangeFeedDeps,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  return async ({ Records }) => {
    const batchItemFailures: DynamoDBBatchResponse['batchItemFailures'] = [];
    for (const record of Records) {
      try {
        await announce(deps, record);
      } catch (error) {
        const itemIdentifier = record.dynamodb?.SequenceNumber ?? '';
        batchItemFailures.push({ itemIdentifier });
        deps.report({ record: itemIdentifier, reason: String(error) });
      }
    }
    return { batchItemFailures };
  };
}

async function announce({ bus, caps, clock }: ChangeFeedDeps, record: DynamoDBRecord): Promise<void> {
  const change = changeOf(record, clock.now());
  if (!change) return;
  const crossings = await crossingsOf(change, (account, revision) => caps.of(account, revision));
  if (crossings.length === 0) return;
  const failed = await bus.publish(crossings.map((detail) => ({ type: CAP_THRESHOLD_CROSSED, detail })));
  if (failed.length > 0) throw new Error(`${failed.length} of ${crossings.length} events were not taken`);
}

/** Undefined for everything but a leaf as it stands after a write. Throws LedgerBroken. */
function changeOf({ dynamodb }: DynamoDBRecord, now: EpochMs): LeafChange | undefined {
  const next = dynamodb?.NewImage;
  if (next?.['pk']?.S?.startsWith('L#') !== true) return undefined;
  const seconds = dynamodb?.ApproximateCreationDateTime;
  return {
    old: dynamodb?.OldImage && (itemOf(dynamodb.OldImage) as unknown as Leaf),
    next: leafFromItem(itemOf(next)),
    at: seconds === undefined ? now : epochMs(Math.floor(seconds) * 1000),
  };
}

/** The two packages write the same JSON as different types. */
const itemOf = (image: NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['NewImage']>) =>
  fromWire(image as Record<string, AttributeValue>);

/**
 * Step 8: the changes of leaves, pools and grants, overruns, and what refused calls leave, become events. Each record stands for itself: one that fails is reported by its
 * sequence number and comes again, and whatever comes again says the same under the same id. On AWS the records are
 * those of the table's stream; local mode makes the same ones.
 */
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { fromWire } from '../adapters/table/items.ts';
import { reachedEvent, REACHED_PREFIX } from '../core/admission/reached-caps.ts';
import { epochMs, type EpochMs } from '../core/brands.ts';
import type { AccountCaps } from '../core/escalation/account-caps.ts';
import { crossingsOf, leafChange, poolChange, type AccountsChange } from '../core/escalation/crossings.ts';
import { overrunEvent } from '../core/escalation/overrun-event.ts';
import { stageChangesOf } from '../core/escalation/stage-changes.ts';
import { capReachedSchema } from '../core/events/cap-reached.ts';
import type { BusEvent } from '../core/events/catalogue.ts';
import { grantEvent } from '../core/grants/grant-events.ts';
import { GRANT_PREFIX, grantFromItem } from '../core/grants/grant-items.ts';
import { chargeFromItem } from '../core/ledger/charge.ts';
import { leafFromItem, type Leaf } from '../core/ledger/leaf.ts';
import { poolFromItem, type Pool } from '../core/ledger/pool.ts';
import type { LadderOf } from '../core/policy/ladder.ts';
import type { Clock, EventBus } from '../core/ports.ts';

export interface ChangeFeedDeps {
  bus: EventBus;
  caps: AccountCaps;
  ladderOf: LadderOf;
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

async function announce(deps: ChangeFeedDeps, record: DynamoDBRecord): Promise<void> {
  const events = await eventsOf(deps, record);
  if (events.length === 0) return;
  const failed = await deps.bus.publish(events);
  if (failed.length > 0) throw new Error(`${failed.length} of ${events.length} events were not taken`);
}

async function eventsOf(
  { caps, ladderOf, clock }: ChangeFeedDeps,
  record: DynamoDBRecord,
): Promise<BusEvent[]> {
  const { NewImage: next, OldImage: old } = record.dynamodb ?? {};
  if (next?.['pk']?.S?.startsWith(GRANT_PREFIX)) {
    const event = await grantEvent(old && grantFromItem(itemOf(old)), grantFromItem(itemOf(next)));
    return event ? [event] : [];
  }
  // Once told, an item of these stays as it is.
  if (next?.['pk']?.S?.startsWith(REACHED_PREFIX))
    return old ? [] : [{ type: 'CapReached', detail: capReachedSchema.parse(reachedEvent(itemOf(next))) }];
  if (isOverrun(next))
    return old ? [] : [{ type: 'OverrunDetected', detail: await overrunEvent(chargeFromItem(itemOf(next))) }];
  const change = changeOf(record, clock.now());
  if (!change) return [];
  const capOf = (account: string, revision: bigint) => caps.of(account, revision);
  const crossings = await crossingsOf(change, capOf, ladderOf);
  const stages = await stageChangesOf(change, capOf);
  return [
    ...crossings.map((detail) => ({ type: 'CapThresholdCrossed' as const, detail })),
    ...stages.map((detail) => ({ type: 'StageChanged' as const, detail })),
  ];
}

type Image = NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['NewImage']>;

/** Of all charges, the stream brings only these. */
const isOverrun = (image: Image | undefined): image is Image =>
  image?.['pk']?.S?.startsWith('C#') === true && image['end']?.S === 'overrun';

/** Undefined for everything but a leaf or pool as it stands after a write. Throws LedgerBroken. */
function changeOf({ dynamodb }: DynamoDBRecord, now: EpochMs): AccountsChange | undefined {
  const image = dynamodb?.NewImage;
  const pk = image?.['pk']?.S;
  if (pk === undefined) return undefined;
  const seconds = dynamodb?.ApproximateCreationDateTime;
  const at = seconds === undefined ? now : epochMs(Math.floor(seconds) * 1000);
  const [old, next] = [dynamodb?.OldImage && itemOf(dynamodb.OldImage), itemOf(image!)];
  if (pk.startsWith('L#')) return leafChange(old as Leaf | undefined, leafFromItem(next), at);
  if (pk.startsWith('P#')) return poolChange(old as Pool | undefined, poolFromItem(next), at);
  return undefined;
}

/** The two packages write the same JSON as different types. */
const itemOf = (image: Image) => fromWire(image as Record<string, AttributeValue>);

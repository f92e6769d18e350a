/**
 * The change feed once more, from the table instead of its stream: what it could not tell of at the time. For some
 * seconds; whoever asks again with the place goes on there.
 */
import type { DynamoDBRecord } from 'aws-lambda';
import { toWire } from '../adapters/table/items.ts';
import type { EpochMs } from '../core/brands.ts';
import type { Directory } from '../core/directory/directory.ts';
import { standingItems, toldAccounts, type Place } from '../core/escalation/standing-items.ts';
import type { Item, Table } from '../core/ports.ts';
import type { createChangeFeed } from './change-feed.ts';

export interface TellAgainDeps {
  table: Table;
  directory: Directory;
  feed: ReturnType<typeof createChangeFeed>;
}

export interface ToldAgain {
  /** So many items could not be told of. */
  failed: number;
  /** Where it goes on; undefined at the end. */
  next: Place | undefined;
}

/** An item that fails does not keep it from those behind. Throws TableUnavailable. */
export async function tellAgain(
  { feed, ...books }: TellAgainDeps,
  span: { since: EpochMs; until: EpochMs; place: Place },
  isTimeUp: () => boolean,
): Promise<ToldAgain> {
  let failed = 0;
  for await (const { items, next } of standingItems(books, span, span.place)) {
    const { batchItemFailures } = await feed({ Records: items.map((item) => recordOf(item, span.since)) });
    failed += batchItemFailures.length;
    if (next && isTimeUp()) return { failed, next };
  }
  return { failed, next: undefined };
}

function recordOf(item: Item, since: EpochMs): DynamoDBRecord {
  const told = toldAccounts(item, since);
  return {
    dynamodb: {
      SequenceNumber: item['pk'] as string,
      NewImage: imageOf(item),
      ...(told && { OldImage: imageOf(told) }),
    },
  };
}

type Image = NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['NewImage']>;
/** The two packages write the same JSON as different types. */
const imageOf = (item: Item) => toWire(item) as Image;

/**
 * What DynamoDB bills for each request to the table, by its published rules
 * (docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-mode-on-demand.html, checked 2026-11-30): a write
 * unit for each begun kilobyte of the larger of the item before and after, twice that in a transaction, also when the
 * condition refuses it; the same again in the index, which holds whole items; a read unit for each begun 4 KB read with
 * strong consistency, half of it from the index.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { itemBytes, type StoredItem } from '../../lambdas/adapters/table/local/attribute-values.ts';
import { indexKeysOf } from '../../lambdas/adapters/table/local/store.ts';

export interface Capacity {
  writeUnits: number;
  /** Of the write units: those of transactions, in which alone pools are moved. */
  transactionUnits: number;
  readUnits: number;
  /** Waits for the table: requests that are under way together are one. */
  roundTrips: number;
}

export const nothingUsed = (): Capacity => ({
  writeUnits: 0,
  transactionUnits: 0,
  readUnits: 0,
  roundTrips: 0,
});

/** Adds to `used` what each request takes. */
export function metered(api: DynamoDbApi, used: Capacity): DynamoDbApi {
  let underWay = 0;
  const waiting = async <T>(request: () => Promise<T>): Promise<T> => {
    if (underWay === 0) used.roundTrips += 1;
    underWay += 1;
    // An answer takes at least a turn, so that requests that are sent together meet.
    await nextTurn();
    try {
      return await request();
    } finally {
      underWay -= 1;
    }
  };
  const itemAt = async (key: StoredItem): Promise<StoredItem | undefined> =>
    (await api.getItem({ TableName: 'any', Key: { pk: key['pk']!, sk: key['sk']! } })).Item;
  /** Runs a write and counts its units; a refused one takes those of the item that stands. */
  const writing = async <T>(keys: StoredItem[], factor: number, write: () => Promise<T>): Promise<T> => {
    const before = await Promise.all(keys.map(itemAt));
    try {
      return await waiting(write);
    } finally {
      const after = await Promise.all(keys.map(itemAt));
      const units = keys.reduce((sum, _, i) => sum + writeUnits(before[i], after[i]), 0) * factor;
      used.writeUnits += units;
      if (factor > 1) used.transactionUnits += units;
    }
  };
  const reading = async <T>(
    unit: number,
    read: () => Promise<T>,
    itemsOf: (answer: T) => StoredItem[] | undefined,
  ): Promise<T> => {
    const answer = await waiting(read);
    const bytes = (itemsOf(answer) ?? []).reduce((sum, item) => sum + itemBytes(item), 0);
    used.readUnits += Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) * unit;
    return answer;
  };
  return {
    updateItem: (input) => writing([input.Key!], 1, () => api.updateItem(input)),
    putItem: (input) => writing([input.Item!], 1, () => api.putItem(input)),
    deleteItem: (input) => writing([input.Key!], 1, () => api.deleteItem(input)),
    transactWriteItems: (input) => {
      const keys = (input.TransactItems ?? []).map(({ Update, Put }) => (Update?.Key ?? Put?.Item)!);
      return writing(keys, 2, () => api.transactWriteItems(input));
    },
    getItem: (input) =>
      reading(
        1,
        () => api.getItem(input),
        ({ Item }) => Item && [Item],
      ),
    query: (input) =>
      reading(
        input.IndexName === undefined ? 1 : 0.5,
        () => api.query(input),
        ({ Items }) => Items,
      ),
    scan: (input) =>
      reading(
        1,
        () => api.scan(input),
        ({ Items }) => Items,
      ),
  };
}

const KILOBYTE = 1024;
const READ_UNIT_BYTES = 4 * KILOBYTE;
const bytesOf = (item: StoredItem | undefined): number => (item ? itemBytes(item) : 0);

function writeUnits(before: StoredItem | undefined, after: StoredItem | undefined): number {
  const table = Math.max(1, Math.ceil(Math.max(bytesOf(before), bytesOf(after)) / KILOBYTE));
  return table + indexUnits(before, after);
}

/** The index takes a copy of each item that has its keys, and only when something of the item changes. */
function indexUnits(before: StoredItem | undefined, after: StoredItem | undefined): number {
  const wasThere = before && indexKeysOf(before);
  const isThere = after && indexKeysOf(after);
  if (!wasThere && !isThere) return 0;
  if (before && after && JSON.stringify(before) === JSON.stringify(after)) return 0;
  return Math.ceil(Math.max(bytesOf(before), bytesOf(after)) / KILOBYTE);
}

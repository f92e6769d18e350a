/** Every charge of the calls that were admitted in a span of time, shard by shard at once. */
import type { EpochMs } from '../brands.ts';
import { everyItem } from '../pages.ts';
import type { Table } from '../ports.ts';
import { toSortableRfc3339 } from '../time.ts';
import { chargeFromItem, daysBetween, shardOf, TIME_SHARDS, timePartition, type Charge } from './charge.ts';
import { leafKey } from './leaf.ts';

export interface Span {
  /** Inclusive. */
  from: EpochMs;
  /** Exclusive. */
  to: EpochMs;
}

/**
 * Visits them in no promised order, until `visit` says false. The index lags behind the table by moments. Throws
 * TableUnavailable.
 */
export async function eachCharge(
  table: Table,
  { from, to, user }: Span & { user?: string },
  visit: (charge: Charge) => boolean,
): Promise<void> {
  if (from >= to) return;
  const shards =
    user === undefined
      ? Array.from({ length: TIME_SHARDS }, (_, shard) => shard)
      : [shardOf(leafKey({ type: 'user', id: user }).pk)];
  let isEnough = false;
  const readShard = async (shard: number): Promise<void> => {
    for (const day of daysBetween(from, to)) {
      const partition = timePartition(day, shard);
      // A key goes on behind its instant, so that of `to` itself stands before all of its calls.
      const bounds = { from: toSortableRfc3339(from), to: toSortableRfc3339(to) };
      const items = everyItem((at) => table.query({ index: 'byTime', partition, ...bounds, ...at }));
      for await (const item of items) {
        if (isEnough) return;
        const charge = chargeFromItem(item);
        if (user === undefined || charge.info.us === user) isEnough = !visit(charge);
      }
    }
  };
  await Promise.all(shards.map(readShard));
}

/** The charges of a span of time, newest first, a page at a time: what `GET /admin/v1/usage` lists. */
import type { EpochMs } from '../brands.ts';
import { everyItem } from '../pages.ts';
import type { Item, Table } from '../ports.ts';
import { toSortableRfc3339 } from '../time.ts';
import { chargeFromItem, daysBetween, shardOf, TIME_SHARDS, timePartition, type Charge } from './charge.ts';
import { leafKey } from './leaf.ts';

export interface UsageQuery {
  /** Only this user's calls. */
  user: string | undefined;
  /** Inclusive. */
  from: EpochMs;
  /** Exclusive. */
  to: EpochMs;
  limit: number;
  /** Where the page before ended. */
  cursor: string | undefined;
}

export interface UsagePage {
  charges: Charge[];
  cursor: string | undefined;
}

/** Sort keys begin with the instant of admission. */
const CURSOR = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z#/;
export const isUsageCursor = (text: string): boolean => CURSOR.test(text);

/** Throws TableUnavailable. */
export async function listCharges(table: Pick<Table, 'query'>, query: UsageQuery): Promise<UsagePage> {
  const { user, from, limit, cursor } = query;
  const shards =
    user === undefined
      ? Array.from({ length: TIME_SHARDS }, (_, shard) => shard)
      : [shardOf(leafKey({ type: 'user', id: user }).pk)];
  const first = toSortableRfc3339(from);
  const end = cursor ?? toSortableRfc3339(query.to);
  const found: Item[] = [];
  for (const day of [...daysBetween(from, query.to)].reverse()) {
    if (day > end.slice(0, day.length)) continue;
    const ofDay = await Promise.all(
      shards.map((shard) =>
        chargesBefore(table, {
          partition: timePartition(day, shard),
          first,
          end,
          user,
          limit: limit + 1 - found.length,
        }),
      ),
    );
    found.push(...ofDay.flat().sort((a, b) => (sortKey(a) < sortKey(b) ? 1 : -1)));
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    charges: page.map(chargeFromItem),
    cursor: found.length > limit && last ? sortKey(last) : undefined,
  };
}

const sortKey = (item: Item): string => item['gsk'] as string;

interface Span {
  partition: string;
  first: string;
  /** Exclusive. */
  end: string;
  user: string | undefined;
  limit: number;
}

async function chargesBefore(
  table: Pick<Table, 'query'>,
  { partition, first, end, user, limit }: Span,
): Promise<Item[]> {
  const kept: Item[] = [];
  const span = { index: 'byTime' as const, partition, from: first, to: end, descending: true };
  for await (const item of everyItem((at) => table.query({ ...span, limit: limit + 1, ...at }))) {
    if (sortKey(item) >= end) continue;
    if (user === undefined || (item['i'] as Item)['us'] === user) kept.push(item);
    if (kept.length >= limit) break;
  }
  return kept;
}

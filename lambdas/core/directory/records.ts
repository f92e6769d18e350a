/** What all records of the directory share: how a write of one ended, and how their lists are read. */
import type { CursorPage } from '../pages.ts';
import { TableUnavailable, type Item, type Table, type WriteOutcome } from '../ports.ts';

/** Throws TableUnavailable; false means that the condition did not hold. */
export function isApplied(outcome: WriteOutcome): boolean {
  if (outcome.kind === 'unavailable') throw new TableUnavailable(outcome.reason);
  return outcome.kind === 'applied';
}

/** A page of the records that the index lists under a name. Throws TableUnavailable. */
export async function listRecords<T>(
  table: Table,
  partition: string,
  { limit, cursor }: { limit: number; cursor: string | undefined },
  fromItem: (item: Item) => T,
): Promise<CursorPage<T>> {
  const at = cursor === undefined ? {} : { cursor };
  const page = await table.query({ index: 'byTime', partition, limit, ...at });
  return { items: page.items.map(fromItem), cursor: page.cursor };
}

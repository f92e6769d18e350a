/** What all records of the directory share: how their lists are read. */
import type { CursorPage } from '../pages.ts';
import type { Item, Table } from '../ports.ts';

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

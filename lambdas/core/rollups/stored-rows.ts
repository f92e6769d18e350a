/** Rows as they stand in the table, by hour or by day, each place read once. */
import type { EpochMs } from '../brands.ts';
import type { Principal } from '../ledger/leaf.ts';
import { everyItem } from '../pages.ts';
import type { Item, Table } from '../ports.ts';
import type { ZoneDay } from './periods.ts';
import { dayPartition, hourPartition, isOfHour, rowFromItem, whoText, type Row } from './row.ts';

/** Whose rows: of one principal, of each of them, of all together, or every row there is. */
export type Whose = Principal | 'each' | 'together' | 'every';

export function isOf({ who }: Row, whose: Whose): boolean {
  if (whose === 'every') return true;
  if (whose === 'each') return who !== null;
  if (whose === 'together') return who === null;
  return who !== null && whoText(who) === whoText(whose);
}

/** The hours are of one UTC day. Throws TableUnavailable. */
export async function readHours(
  table: Table,
  hours: readonly EpochMs[],
  whose: Whose,
  visit: (hour: EpochMs, row: Row) => void,
): Promise<void> {
  for await (const item of itemsOf(table, hourPartition(hours[0]!), whose)) {
    const hour = hours.find((candidate) => isOfHour(item, candidate));
    const row = rowFromItem(item);
    if (hour !== undefined && isOf(row, whose)) visit(hour, row);
  }
}

/** Throws TableUnavailable. */
export async function readDay(
  table: Table,
  { zone, date }: ZoneDay,
  whose: Whose,
  visit: (row: Row) => void,
): Promise<void> {
  for await (const item of itemsOf(table, dayPartition(zone, date), whose)) {
    const row = rowFromItem(item);
    if (isOf(row, whose)) visit(row);
  }
}

const itemsOf = (table: Table, partition: string, whose: Whose): AsyncGenerator<Item> =>
  everyItem((at) => table.query({ partition, ...prefixOf(whose), ...at }));

function prefixOf(whose: Whose): { prefix?: string } {
  if (whose === 'every' || whose === 'each') return {};
  return { prefix: `${whoText(whose === 'together' ? null : whose)}#` };
}

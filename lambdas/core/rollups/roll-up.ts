/**
 * Makes the rows of open hours from their charges, and those of open days from their hours. What is made twice is the
 * same: a row is never added to, only replaced by one of at least as many charges. So it does not matter which change of
 * the books was told late, twice or out of order, nor who else rolls up at the same time.
 */
import pLimit from 'p-limit';
import { durationMs } from '../brands.ts';
import { eachCharge } from '../ledger/charges-between.ts';
import { isApplied, type Table } from '../ports.ts';
import { dateAt, dayOfDate, HOUR, MINUTE, plus } from '../time.ts';
import type { OpenDay, OpenHour } from './periods.ts';
import { GRACE } from './plan.ts';
import { readRows, type RowReader } from './read-rows.ts';
import { dayPartition, hourPlace, rowToItem, type Place } from './row.ts';
import { Rows, rowsOfCharge } from './rows.ts';

/** By then the index shows what opened the period. */
const INDEX_LAG = durationMs(MINUTE);
const WRITES_AT_A_TIME = 16;

export interface RolledUp {
  hours: OpenHour[];
  days: OpenDay[];
}

/**
 * Hours and days that are over and still open, the oldest first. Days are shown to `lookAt` once their hours have rows, before
 * they are closed. Throws TableUnavailable, and what `lookAt` throws.
 */
export async function rollUp(
  reader: RowReader,
  isTimeUp: () => boolean = () => false,
  lookAt: (day: OpenDay) => Promise<void> = async () => undefined,
): Promise<RolledUp> {
  const { clock, periods } = reader;
  const rolledUp: RolledUp = { hours: [], days: [] };
  const now = clock.now();
  for (const open of await periods.openHours()) {
    if (plus(open.hour, HOUR) + GRACE > now || open.openedAt + INDEX_LAG > now) continue;
    if (isTimeUp()) return rolledUp;
    await rollUpHour(reader, open);
    rolledUp.hours.push(open);
  }
  for (const open of await periods.openDays()) {
    if (isTimeUp()) return rolledUp;
    await lookAt(open);
    if (!(await isOver(reader, open))) continue;
    if (isTimeUp()) return rolledUp;
    await rollUpDay(reader, open);
    rolledUp.days.push(open);
  }
  return rolledUp;
}

async function rollUpHour({ table, periods, zone }: RowReader, open: OpenHour): Promise<void> {
  const span = { from: open.hour, to: plus(open.hour, HOUR) };
  const rows = new Rows();
  await eachCharge(table, span, (charge) => {
    for (const row of rowsOfCharge(charge)) rows.add(row);
    return true;
  });
  await putRows(table, hourPlace(open.hour), rows);
  // Where days do not begin with a UTC hour, one hour is of two.
  const dates = new Set([dateAt(zone, span.from), dateAt(zone, plus(span.to, durationMs(-1)))]);
  for (const date of dates) await periods.openDay({ zone, date });
  await periods.closeHour(open);
}

async function rollUpDay(reader: RowReader, open: OpenDay): Promise<void> {
  const { table, periods } = reader;
  const { zone, date } = open;
  const { start, end } = dayOfDate(zone, date)!;
  const rows = new Rows();
  const reading = { from: start, to: end, whose: 'every', by: 'hour', chargesMax: Infinity } as const;
  await readRows({ ...reader, zone }, reading, (_hour, row) => rows.add(row));
  await putRows(table, { partition: dayPartition(zone, date) }, rows);
  await periods.closeDay(open);
}

/** And each of its hours has its rows. */
async function isOver({ clock, periods }: RowReader, { zone, date }: OpenDay): Promise<boolean> {
  const { start, end } = dayOfDate(zone, date)!;
  if (end + GRACE > clock.now()) return false;
  const open = await periods.openHours();
  return !open.some(({ hour }) => hour < end && hour + HOUR > start);
}

/** Charges are never taken back: whoever has seen fewer has read before somebody else. */
const NO_FEWER_CHARGES = 'attribute_not_exists(n) OR n <= :n';

async function putRows(table: Table, place: Place, rows: Rows): Promise<void> {
  const atATime = pLimit(WRITES_AT_A_TIME);
  await Promise.all(
    rows.all().map((row) =>
      atATime(async () => {
        const item = await rowToItem(place, row);
        isApplied(
          await table.put({ item, condition: NO_FEWER_CHARGES, values: { ':n': row.tally.charges } }),
        );
      }),
    ),
  );
}

/**
 * What was spent in a span of time, as rows: whole days and hours that are closed from their rows, everything else from
 * its charges. So the sum is that of the charges, however much of them has been rolled up by then.
 */
import pLimit from 'p-limit';
import type { EpochMs } from '../brands.ts';
import { eachCharge, type Span } from '../ledger/charges-between.ts';
import type { Clock, Table } from '../ports.ts';
import { dateAt } from '../time.ts';
import type { Periods } from './periods.ts';
import { planRows, type HourPart, type Plan } from './plan.ts';
import { hourPartition, type Row } from './row.ts';
import { Rows, rowsOfCharge } from './rows.ts';
import { isOf, readDay, readHours, type Whose } from './stored-rows.ts';

const READS_AT_A_TIME = 8;

export interface RowReader {
  table: Table;
  clock: Clock;
  periods: Periods;
  /** Whose days they are. */
  zone: string;
}

export interface RowReading extends Span {
  whose: Whose;
  /** Finest period that is asked for. */
  by: 'hour' | 'day';
  /** More charges than these are not read: what comes behind them is left out. */
  chargesMax: number;
}

/** Gets each row with the start of the period in which it counts. */
export type VisitRow = (period: EpochMs, row: Row) => void;

/**
 * Resolves to the instant up to which everything was visited: the end of the span, or of what could be read of it.
 * Throws TableUnavailable.
 */
export async function readRows(reader: RowReader, reading: RowReading, visit: VisitRow): Promise<EpochMs> {
  const plan = await planOf(reader, reading);
  const asOf = await visitCharges(reader, reading, plan.charges, visit);
  await visitRows(reader, reading, before(asOf, plan), visit);
  return asOf;
}

async function planOf({ clock, periods, zone }: RowReader, { from, to, by }: RowReading): Promise<Plan> {
  const [open, closedDays] = await Promise.all([
    periods.openHours(),
    by === 'day' ? periods.closedDays(zone, dateAt(zone, from), dateAt(zone, to)) : new Set<string>(),
  ]);
  const openHours = new Set(open.map(({ hour }) => hour));
  return planRows({ ...{ from, to, by, zone, openHours, closedDays }, now: clock.now() });
}

function before(end: EpochMs, { days, hours }: Plan): Plan {
  return {
    days: days.filter(({ start }) => start < end),
    hours: hours.filter(({ from }) => from < end),
    charges: [],
  };
}

async function visitCharges(
  { table }: RowReader,
  { to, whose, by, chargesMax }: RowReading,
  parts: readonly HourPart[],
  visit: VisitRow,
): Promise<EpochMs> {
  const user = typeof whose === 'object' && whose.type === 'user' ? { user: whose.id } : {};
  let left = chargesMax;
  for (const part of parts) {
    const rows = new Rows();
    await eachCharge(table, { ...part, ...user }, (charge) => {
      left -= 1;
      for (const row of rowsOfCharge(charge)) if (isOf(row, whose)) rows.add(row);
      return left >= 0;
    });
    if (left < 0) return part.from;
    for (const row of rows.all()) visit(periodOf(part, by), row);
  }
  return to;
}

async function visitRows(
  { table, zone }: RowReader,
  { whose, by }: RowReading,
  { days, hours }: Plan,
  visit: VisitRow,
): Promise<void> {
  const atATime = pLimit(READS_AT_A_TIME);
  const visitHours = async (parts: readonly HourPart[]): Promise<void> => {
    const partOf = new Map(parts.map((part) => [part.hour, part]));
    await readHours(table, [...partOf.keys()], whose, (hour, row) =>
      visit(periodOf(partOf.get(hour)!, by), row),
    );
  };
  await Promise.all([
    ...days.map(({ start, date }) =>
      atATime(() => readDay(table, { zone, date }, whose, (row) => visit(start, row))),
    ),
    ...byUtcDay(hours).map((parts) => atATime(() => visitHours(parts))),
  ]);
}

const periodOf = ({ hour, day }: HourPart, by: 'hour' | 'day'): EpochMs => (by === 'hour' ? hour : day);

/** The rows of a UTC day's hours stand together. */
function byUtcDay(parts: readonly HourPart[]): HourPart[][] {
  const days = new Map<string, HourPart[]>();
  for (const part of parts) {
    const place = hourPartition(part.hour);
    days.set(place, [...(days.get(place) ?? []), part]);
  }
  return [...days.values()];
}

/**
 * Finds gaps: each hour is counted again, by the index of charges, when nothing of it can be on its way any more. One
 * whose rows have too few charges is looked at twice, since a change of the books may just then be told, and opened.
 */
import { durationMs, epochMs, type EpochMs } from '../brands.ts';
import { eachCharge } from '../ledger/charges-between.ts';
import { isApplied, type ItemKey, type Table } from '../ports.ts';
import { HOUR, parseRfc3339, plus, toRfc3339 } from '../time.ts';
import { hourOf } from './plan.ts';
import type { RowReader } from './read-rows.ts';
import { readHours } from './stored-rows.ts';

/** The stream retries for 12 hours, and a call that died is charged by the collector within 25. */
export const CHECKED_AFTER = durationMs(26 * HOUR);

const POSITION: ItemKey = { pk: 'R#CHECKED', sk: '-' };

interface Position {
  /** The next hour to count. */
  next: EpochMs;
  /** To be looked at again. */
  short: EpochMs[];
}

/** Hours that a round before found short, still are, and now are open. Throws TableUnavailable. */
export async function checkRows(
  { table, clock, periods }: RowReader,
  isTimeUp: () => boolean = () => false,
): Promise<EpochMs[]> {
  const now = clock.now();
  const position = await readPosition(table);
  const open = new Set((await periods.openHours()).map(({ hour }) => hour));
  const isShort = async (hour: EpochMs): Promise<boolean> =>
    !open.has(hour) && (await lacksCharges(table, hour));

  const gaps: EpochMs[] = [];
  for (const hour of position?.short ?? []) if (await isShort(hour)) gaps.push(hour);
  for (const hour of gaps) await periods.openHour(hour);

  let next = position?.next ?? hourOf(epochMs(now - CHECKED_AFTER - HOUR));
  const short: EpochMs[] = [];
  for (; next + HOUR + CHECKED_AFTER <= now && !isTimeUp(); next = plus(next, HOUR))
    if (await isShort(next)) short.push(next);
  const isSame = next === position?.next && short.length === 0 && position.short.length === 0;
  if (!isSame) await putPosition(table, { next, short });
  return gaps;
}

/** Whether the rows of an hour count fewer charges than there are. Throws TableUnavailable. */
export const lacksCharges = async (table: Table, hour: EpochMs): Promise<boolean> =>
  (await rowsCount(table, hour)) < (await chargesCount(table, hour));

async function chargesCount(table: Table, hour: EpochMs): Promise<bigint> {
  let count = 0n;
  await eachCharge(table, { from: hour, to: plus(hour, HOUR) }, () => {
    count += 1n;
    return true;
  });
  return count;
}

async function rowsCount(table: Table, hour: EpochMs): Promise<bigint> {
  let count = 0n;
  await readHours(table, [hour], 'together', (_hour, { tally }) => (count += tally.charges));
  return count;
}

async function readPosition(table: Table): Promise<Position | undefined> {
  const item = await table.get(POSITION);
  return (
    item && {
      next: parseRfc3339(item['next'] as string)!,
      short: (item['short'] as string[]).map((hour) => parseRfc3339(hour)!),
    }
  );
}

async function putPosition(table: Table, { next, short }: Position): Promise<void> {
  isApplied(await table.put({ item: { ...POSITION, next: toRfc3339(next), short: short.map(toRfc3339) } }));
}

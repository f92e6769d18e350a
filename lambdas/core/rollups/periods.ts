/**
 * Hours and days whose rows may lack something. A charge opens its hour, the rows of an hour open its day. A period is
 * closed once its rows hold what it had when it was read, unless it was opened again meanwhile.
 *
 *   pk R#OPEN     sk H#<hour> or D#<zone>#<date>   mark, openedAt; of a day, whether it was looked at since
 *   pk R#CLOSED   sk D#<zone>#<date>               once its rows were made for the first time
 */
import { epochMs, type EpochMs } from '../brands.ts';
import { everyItem } from '../pages.ts';
import { isApplied, type Clock, type Ids, type ItemKey, type Table } from '../ports.ts';
import { parseRfc3339, toRfc3339 } from '../time.ts';

const OPEN = 'R#OPEN';
const CLOSED = 'R#CLOSED';
const HOUR_PREFIX = 'H#';
const DAY_PREFIX = 'D#';
const MARK_BITS = 64;
/** Nobody has opened it since. */
const SAME_MARK = 'mark = :mark';

export interface Opened {
  /** Another one each time it is opened. */
  mark: bigint;
  /** When last. */
  openedAt: EpochMs;
}
export interface OpenHour extends Opened {
  hour: EpochMs;
}
/** A day of a zone, as 2026-11-24. */
export interface ZoneDay {
  zone: string;
  date: string;
}
export interface OpenDay extends Opened, ZoneDay {
  /** For what is unusual, since it was opened. */
  isLookedAt: boolean;
}

const hourKey = (hour: EpochMs): ItemKey => ({ pk: OPEN, sk: `${HOUR_PREFIX}${toRfc3339(hour)}` });
const dayText = ({ zone, date }: ZoneDay): string => `${DAY_PREFIX}${zone}#${date}`;

export class Periods {
  private readonly table: Table;
  private readonly clock: Clock;
  private readonly ids: Ids;

  constructor({ table, clock, ids }: { table: Table; clock: Clock; ids: Ids }) {
    this.table = table;
    this.clock = clock;
    this.ids = ids;
  }

  /** After whatever belongs to it was written. Throws TableUnavailable, as all of these do. */
  openHour(hour: EpochMs): Promise<void> {
    return this.open(hourKey(hour));
  }
  openDay(day: ZoneDay): Promise<void> {
    return this.open({ pk: OPEN, sk: dayText(day) });
  }

  /** Oldest first. */
  async openHours(): Promise<OpenHour[]> {
    const hours: OpenHour[] = [];
    for await (const { sk, mark, openedAt } of this.opened(HOUR_PREFIX))
      hours.push({ mark, openedAt, hour: parseRfc3339(sk.slice(HOUR_PREFIX.length))! });
    return hours;
  }
  async openDays(): Promise<OpenDay[]> {
    const days: OpenDay[] = [];
    for await (const { sk, ...opened } of this.opened(DAY_PREFIX)) days.push({ ...opened, ...dayOf(sk) });
    return days;
  }

  closeHour({ hour, mark }: OpenHour): Promise<void> {
    return this.close(hourKey(hour), mark);
  }
  /** Until it is opened again. */
  async markLookedAt({ mark, openedAt, ...day }: OpenDay): Promise<void> {
    const item = { pk: OPEN, sk: dayText(day), mark, openedAt: BigInt(openedAt), isLookedAt: true };
    isApplied(await this.table.put({ item, condition: SAME_MARK, values: { ':mark': mark } }));
  }
  async closeDay({ mark, ...day }: OpenDay): Promise<void> {
    isApplied(await this.table.put({ item: { pk: CLOSED, sk: dayText(day) } }));
    await this.close({ pk: OPEN, sk: dayText(day) }, mark);
  }

  /** Dates of the days that have rows and are not open. Both ends are inclusive. */
  async closedDays(zone: string, first: string, last: string): Promise<Set<string>> {
    const open = new Set((await this.openDays()).map(dayText));
    const dates = new Set<string>();
    const bounds = { from: dayText({ zone, date: first }), to: dayText({ zone, date: last }) };
    for await (const { sk } of everyItem((at) => this.table.query({ partition: CLOSED, ...bounds, ...at })))
      if (!open.has(sk as string)) dates.add(dayOf(sk as string).date);
    return dates;
  }

  private async open(key: ItemKey): Promise<void> {
    const mark = this.ids.randomBits(MARK_BITS);
    isApplied(await this.table.put({ item: { ...key, mark, openedAt: BigInt(this.clock.now()) } }));
  }

  private async close(key: ItemKey, mark: bigint): Promise<void> {
    isApplied(await this.table.delete({ key, condition: SAME_MARK, values: { ':mark': mark } }));
  }

  private async *opened(prefix: string): AsyncGenerator<Opened & { sk: string; isLookedAt: boolean }> {
    for await (const item of everyItem((at) => this.table.query({ partition: OPEN, prefix, ...at })))
      yield {
        sk: item['sk'] as string,
        mark: item['mark'] as bigint,
        openedAt: epochMs(Number(item['openedAt'])),
        isLookedAt: item['isLookedAt'] === true,
      };
  }
}

/** Names of zones have no "#". */
function dayOf(sk: string): ZoneDay {
  const [zone, date] = sk.slice(DAY_PREFIX.length).split('#') as [string, string];
  return { zone, date };
}

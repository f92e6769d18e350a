/** Where the rows of a span of time are to be had: whole closed days, whole closed hours, and the charges of the rest. */
import { epochMs, type EpochMs } from '../brands.ts';
import { SLOT_TIME } from '../ledger/accounts.ts';
import type { Span } from '../ledger/charges-between.ts';
import { dateAt, dayAt, HOUR, plus } from '../time.ts';

/** Until then calls of a period may still be running, and its rows are not made yet. */
export const GRACE = SLOT_TIME;

/** A UTC hour or a part of one, within one day of the zone. */
export interface HourPart extends Span {
  hour: EpochMs;
  /** Start of that day. */
  day: EpochMs;
}
export interface PlannedDay {
  start: EpochMs;
  date: string;
}
export interface Plan {
  days: PlannedDay[];
  hours: HourPart[];
  /** In order. */
  charges: HourPart[];
}

export interface PlanFacts extends Span {
  now: EpochMs;
  zone: string;
  /** Finest period that is asked for. */
  by: 'hour' | 'day';
  openHours: ReadonlySet<EpochMs>;
  /** Dates of the zone that have rows. */
  closedDays: ReadonlySet<string>;
}

export function planRows({ from, to, now, zone, by, openHours, closedDays }: PlanFacts): Plan {
  const plan: Plan = { days: [], hours: [], charges: [] };
  const isClosed = ({ hour, from, to }: HourPart): boolean =>
    to - from === HOUR && !openHours.has(hour) && hour + HOUR + GRACE <= now;
  for (let at = from; at < to;) {
    const { start, end } = dayAt(zone, at);
    const parts = hourParts({ from: at, to: to < end ? to : end }, start);
    const date = dateAt(zone, start);
    const isWhole = at === start && to >= end;
    const hasOpenHours = parts.some(({ hour }) => openHours.has(hour));
    if (by === 'day' && isWhole && closedDays.has(date) && !hasOpenHours) plan.days.push({ start, date });
    else for (const part of parts) (isClosed(part) ? plan.hours : plan.charges).push(part);
    at = end;
  }
  return plan;
}

function hourParts({ from, to }: Span, day: EpochMs): HourPart[] {
  const parts: HourPart[] = [];
  for (let at = from; at < to;) {
    const hour = hourOf(at);
    const end = plus(hour, HOUR);
    parts.push({ hour, day, from: at, to: to < end ? to : end });
    at = end;
  }
  return parts;
}

/** The UTC hour of an instant. */
export const hourOf = (at: EpochMs): EpochMs => epochMs(Math.floor(at / HOUR) * HOUR);

/** Calendar arithmetic and instants as text. The only file of the core that touches Temporal. */
import { Temporal } from 'temporal-polyfill';
import { durationMs, epochMs, type DurationMs, type EpochMs } from './brands.ts';

export const SECOND: DurationMs = durationMs(1000);
export const MINUTE: DurationMs = durationMs(60_000);
export const HOUR: DurationMs = durationMs(3_600_000);
export const DAY: DurationMs = durationMs(86_400_000);

export const plus = (at: EpochMs, duration: DurationMs): EpochMs => epochMs(at + duration);

/** RFC 3339 in UTC with milliseconds only where they are not zero: `2026-12-01T00:00:00Z`. */
export function toRfc3339(at: EpochMs): string {
  return Temporal.Instant.fromEpochMilliseconds(at).toString();
}

/** RFC 3339 in UTC with exactly three decimals, so that text order is time order. */
export function toSortableRfc3339(at: EpochMs): string {
  return Temporal.Instant.fromEpochMilliseconds(at).toString({ smallestUnit: 'millisecond' });
}

/** Reads an RFC 3339 instant; undefined when the text is not one. */
export function parseRfc3339(text: string): EpochMs | undefined {
  try {
    return epochMs(Temporal.Instant.from(text).epochMilliseconds);
  } catch {
    return undefined;
  }
}

/** True when the text names a zone of the IANA database that the runtime knows. */
export function isTimeZone(name: string): boolean {
  // Temporal also takes offsets and whole instants, which begin with a sign or a digit.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

export type CalendarUnit = 'minute' | 'hour' | 'day' | 'week' | 'month';
export interface Calendar {
  unit: CalendarUnit;
  timeZone: string;
  /** month: day 1 to 28; week: 1 is Monday; unused for the others. */
  anchorDay: number;
}
export interface Period {
  start: EpochMs;
  /** Exclusive. */
  end: EpochMs;
}

/**
 * The calendar period that holds `at`. Starts never go back as time goes on, also where the clock is set
 * back: an hour that happens twice is two periods, and a day is as long as it is in its zone.
 */
export function periodAt(calendar: Calendar, at: EpochMs): Period {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(calendar.timeZone);
  const [start, end] = boundsOf(calendar, local);
  return { start: epochMs(start.epochMilliseconds), end: epochMs(end.epochMilliseconds) };
}

function boundsOf(
  { unit, anchorDay }: Calendar,
  local: Temporal.ZonedDateTime,
): [Temporal.ZonedDateTime, Temporal.ZonedDateTime] {
  switch (unit) {
    case 'minute':
    case 'hour': {
      const start = local.round({ smallestUnit: unit, roundingMode: 'floor' });
      return [start, start.add(unit === 'minute' ? { minutes: 1 } : { hours: 1 })];
    }
    case 'day': {
      const start = local.startOfDay();
      return [start, start.add({ days: 1 }).startOfDay()];
    }
    case 'week': {
      const daysIn = (local.dayOfWeek - anchorDay + 7) % 7;
      const start = local.subtract({ days: daysIn }).startOfDay();
      return [start, start.add({ days: 7 }).startOfDay()];
    }
    case 'month': {
      const month = local.day >= anchorDay ? local : local.subtract({ months: 1 });
      const start = month.with({ day: anchorDay }).startOfDay();
      return [start, start.add({ months: 1 }).startOfDay()];
    }
  }
}

/** The day of a zone that holds `at`; as long as it is there. */
export const dayAt = (timeZone: string, at: EpochMs): Period =>
  periodAt({ unit: 'day', timeZone, anchorDay: 1 }, at);

/** The date in a zone: `2026-11-24`. */
export const dateAt = (timeZone: string, at: EpochMs): string =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate().toString();

/** The day of that date; undefined for text that is no date. */
export function dayOfDate(timeZone: string, date: string): Period | undefined {
  try {
    const start = Temporal.PlainDate.from(date).toZonedDateTime(timeZone);
    return dayAt(timeZone, epochMs(start.epochMilliseconds));
  } catch {
    return undefined;
  }
}

/** A span of every day, in wall clock: from 19:30 to 07:00 of a zone. */
export interface DailySpan {
  from: string;
  to: string;
  timeZone: string;
}

/** When the span that holds `at` ends; undefined outside of it. An hour that the clock leaves out ends with it. */
export function endOfDailySpan({ from, to, timeZone }: DailySpan, at: EpochMs): EpochMs | undefined {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone);
  const time = local.toPlainTime();
  const isFrom = Temporal.PlainTime.compare(time, from) >= 0;
  const isBeforeEnd = Temporal.PlainTime.compare(time, to) < 0;
  if (from < to ? !(isFrom && isBeforeEnd) : !(isFrom || isBeforeEnd)) return undefined;
  const today = local.withPlainTime(to);
  const end = isBeforeEnd
    ? today
    : local.toPlainDate().add({ days: 1 }).toZonedDateTime({ timeZone, plainTime: to });
  return epochMs(end.epochMilliseconds);
}

/**
 * Windows and their keys. A key is the start of the window (calendar) or of the bucket (rolling) in epoch
 * seconds, 0 for a lifetime: keys only ever rise, so an older key is a closed window.
 */
import { epochMs, type EpochMs } from '../brands.ts';
import { DAY, HOUR, periodAt, type Calendar, type CalendarUnit, type Period } from '../time.ts';

export type Window =
  | { kind: 'calendar'; calendar: Calendar }
  /** The last `buckets` whole buckets and the current one; n + 1 are kept, so one leaves only when all of it is outside. */
  | { kind: 'rolling'; buckets: number; bucketMs: number }
  | { kind: 'lifetime' };

const ROLLING = /^rolling_([1-9][0-9]{0,3})(h|d)$/;
const CALENDAR_UNITS: readonly string[] = ['minute', 'hour', 'day', 'week', 'month'] satisfies CalendarUnit[];
/** More buckets than this would not fit a leaf of a kilobyte or two. */
export const ROLLING_BUCKETS_MAX = 48;

/** Reads the contract's window names; undefined when the text names none. */
export function parseWindow(text: string, zone: { timeZone: string; anchorDay: number }): Window | undefined {
  if (text === 'lifetime') return { kind: 'lifetime' };
  if (CALENDAR_UNITS.includes(text))
    return { kind: 'calendar', calendar: { unit: text as CalendarUnit, ...zone } };
  const rolling = ROLLING.exec(text);
  if (!rolling) return undefined;
  const buckets = Number(rolling[1]);
  if (buckets > ROLLING_BUCKETS_MAX) return undefined;
  return { kind: 'rolling', buckets, bucketMs: rolling[2] === 'h' ? HOUR : DAY };
}

/** The contract's name of a window. */
export function windowName(window: Window): string {
  switch (window.kind) {
    case 'lifetime':
      return 'lifetime';
    case 'calendar':
      return window.calendar.unit;
    case 'rolling':
      return window.bucketMs === HOUR ? `rolling_${window.buckets}h` : `rolling_${window.buckets}d`;
  }
}

/** A window's name as people are told it behind an amount: ` a month`, ` an hour`, ` in any 24 hours`, ` in all`. */
export function windowWords(window: string): string {
  const rolling = ROLLING.exec(window);
  if (rolling) {
    const [, count, letter] = rolling;
    const unit = letter === 'h' ? 'hour' : 'day';
    return count === '1' ? ` in any ${unit}` : ` in any ${count!} ${unit}s`;
  }
  if (window === 'lifetime') return ' in all';
  return window === 'hour' ? ' an hour' : ` a ${window}`;
}

export function windowKeyAt(window: Window, now: EpochMs): bigint {
  switch (window.kind) {
    case 'lifetime':
      return 0n;
    case 'calendar':
      return toSeconds(currentPeriod(window.calendar, now).start);
    case 'rolling':
      return toSeconds(Math.floor(now / window.bucketMs) * window.bucketMs);
  }
}

/** The oldest rolling bucket that still counts while the newest is `key`. */
export function oldestOpenBucket(window: Window & { kind: 'rolling' }, key: bigint): bigint {
  return key - toSeconds(window.buckets * window.bucketMs);
}

/**
 * When money comes back: the end of a calendar window; for a rolling one the moment when its oldest bucket
 * with spend leaves; null for a lifetime.
 */
export function resetsAt(window: Window, now: EpochMs, spentBuckets: Iterable<bigint> = []): EpochMs | null {
  switch (window.kind) {
    case 'lifetime':
      return null;
    case 'calendar':
      return currentPeriod(window.calendar, now).end;
    case 'rolling': {
      let oldest = windowKeyAt(window, now);
      for (const bucket of spentBuckets) if (bucket < oldest) oldest = bucket;
      return epochMs(Number(oldest) * 1000 + (window.buckets + 1) * window.bucketMs);
    }
  }
}

const toSeconds = (ms: number): bigint => BigInt(Math.floor(ms / 1000));

/** One period a calendar, kept while time is inside it: calendar arithmetic costs more than the rest of a reserve. */
const lastPeriods = new Map<string, Period>();
const LAST_PERIODS_MAX = 1000;

function currentPeriod(calendar: Calendar, now: EpochMs): Period {
  const name = `${calendar.unit}|${calendar.timeZone}|${calendar.anchorDay}`;
  const known = lastPeriods.get(name);
  if (known && known.start <= now && now < known.end) return known;
  const period = periodAt(calendar, now);
  if (lastPeriods.size >= LAST_PERIODS_MAX) lastPeriods.clear();
  lastPeriods.set(name, period);
  return period;
}

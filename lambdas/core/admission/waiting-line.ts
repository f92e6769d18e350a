/**
 * Held is not spent: a call that fits as soon as others settle waits a moment, in order of arrival, before it is
 * told to come back later; and when its client comes back, it has its place still. Without the line, whoever asks
 * again first takes what comes free, and callers that wait politely for `retry-after` starve beside those that
 * do not.
 *
 * The line is one process's. It decides nothing about money: each turn is an ordinary reserve.
 */
import { durationMs, epochMs, type DurationMs, type EpochMs } from '../brands.ts';
import type { Clock, Timer } from '../ports.ts';
import { plus } from '../time.ts';

export interface Waiting<T> {
  /** Whose line it is. */
  name: string;
  /** The same for a call and for its client's repeats of it. */
  token: () => Promise<string>;
  /** False where the client says that it is here for the first time: it takes no place that is kept for another. */
  mayBeRepeat: boolean;
  /** Told how many are ahead. */
  attempt: (ahead: number) => Promise<T>;
  isWorthWaiting: (result: T) => boolean;
  /** When the client was told to come back: so long its place is kept, and a little longer. */
  comesBackIn: (result: T) => DurationMs;
}

interface Place {
  token: string;
  /** False while its client is away. */
  isPresent: boolean;
  keptUntil: EpochMs;
  /** Something was given back since the place last looked. */
  isWoken: boolean;
  /** What it waits by. */
  timer: Timer | undefined;
}

/** More than this many would wait in vain. */
const PLACES_MAX = 64;
/** Other processes settle too, and do not call us: the first in line looks for itself. */
const LOOK_EVERY = durationMs(100);
const KEPT_LONGER = durationMs(2_000);

export class WaitingLine {
  private readonly lines = new Map<string, Place[]>();
  private readonly clock: Clock;
  private readonly patience: DurationMs;

  constructor({ clock, patience }: { clock: Clock; patience: DurationMs }) {
    this.clock = clock;
    this.patience = patience;
  }

  /** The result of the last attempt: the first that is not worth waiting, or the one when patience ended. */
  async run<T>(waiting: Waiting<T>): Promise<T> {
    const { name, attempt } = waiting;
    if (this.patience === 0) return attempt(0);
    if (this.lineOf(name).length === 0) {
      const result = await attempt(0);
      if (!waiting.isWorthWaiting(result)) return result;
    }
    const token = await waiting.token();
    const line = this.lineOf(name);
    if (line.length >= PLACES_MAX) return attempt(line.length);
    this.lines.set(name, line);
    const place = placeFor(line, token, waiting.mayBeRepeat);
    try {
      return await this.wait(line, place, waiting);
    } finally {
      place.isPresent = false;
      if (place.keptUntil <= this.clock.now()) line.splice(line.indexOf(place), 1);
      if (line.length === 0) this.lines.delete(name);
      else this.wake(name);
    }
  }

  /** Something was given back under `name`. */
  wake(name: string): void {
    const line = this.lines.get(name);
    const first = line && firstPresent(line);
    if (!first) return;
    first.isWoken = true;
    first.timer?.stop();
  }

  private async wait<T>(line: Place[], place: Place, waiting: Waiting<T>): Promise<T> {
    const deadline = this.clock.now() + this.patience;
    for (;;) {
      const left = deadline - this.clock.now();
      const isFirst = firstPresent(line) === place;
      if (left > 0 && !place.isWoken) {
        place.timer = this.clock.timer(durationMs(isFirst ? Math.min(left, LOOK_EVERY) : left));
        await place.timer.ended;
      }
      place.isWoken = false;
      const isLast = this.clock.now() >= deadline;
      if (!isLast && firstPresent(line) !== place) continue;
      const result = await waiting.attempt(line.indexOf(place));
      if (!waiting.isWorthWaiting(result)) return result;
      if (!isLast) continue;
      place.keptUntil = plus(plus(this.clock.now(), waiting.comesBackIn(result)), KEPT_LONGER);
      return result;
    }
  }

  /** Without the places whose clients did not come back. */
  private lineOf(name: string): Place[] {
    const line = this.lines.get(name) ?? [];
    const now = this.clock.now();
    for (let i = line.length - 1; i >= 0; i -= 1) {
      if (!line[i]!.isPresent && line[i]!.keptUntil <= now) line.splice(i, 1);
    }
    return line;
  }
}

/** The place that was kept for the call, or a new one at the end. Its caller stands there from now on. */
function placeFor(line: Place[], token: string, mayBeRepeat: boolean): Place {
  const fresh = { token, isPresent: true, keptUntil: epochMs(0), isWoken: false, timer: undefined };
  const kept = mayBeRepeat && line.find((place) => place.token === token && !place.isPresent);
  if (kept) return Object.assign(kept, fresh);
  line.push(fresh);
  return fresh;
}

const firstPresent = (line: readonly Place[]): Place | undefined => line.find(({ isPresent }) => isPresent);

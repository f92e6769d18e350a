/** Values that may be as old as a stated lag, and no older. One load at a time a name; failures are not kept. */
import QuickLRU from 'quick-lru';
import { durationMs, type DurationMs, type EpochMs } from '../brands.ts';
import type { Clock } from '../ports.ts';

/** The stated lag of a changed configuration. */
export const CONFIGURATION_LAG = durationMs(30_000);
const ENTRIES_MAX = 20_000;

export class FreshCache<T> {
  private readonly entries = new QuickLRU<string, { value: Promise<T>; loadedAt: EpochMs }>({
    maxSize: ENTRIES_MAX,
  });
  private readonly clock: Clock;
  private readonly lag: DurationMs;

  constructor(clock: Clock, lag: DurationMs) {
    this.clock = clock;
    this.lag = lag;
  }

  get(name: string, load: () => Promise<T>): Promise<T> {
    const now = this.clock.now();
    const known = this.entries.get(name);
    if (known && now - known.loadedAt < this.lag) return known.value;
    const value = load();
    const entry = { value, loadedAt: now };
    this.entries.set(name, entry);
    value.catch(() => {
      if (this.entries.get(name) === entry) this.entries.delete(name);
    });
    return value;
  }

  forget(name: string): void {
    this.entries.delete(name);
  }

  forgetAll(): void {
    this.entries.clear();
  }
}

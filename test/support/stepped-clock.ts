/** Time stands still until it is stepped; a sleep ends when time reaches its end, earliest first. */
import { epochMs, type DurationMs, type EpochMs } from '../../lambdas/core/brands.ts';
import type { Clock, Timer } from '../../lambdas/core/ports.ts';
import { NOON } from './worlds.ts';

interface Sleeper {
  until: number;
  wake: () => void;
}

export class SteppedClock implements Clock {
  private at: EpochMs = NOON;
  private readonly sleepers = new Set<Sleeper>();

  now(): EpochMs {
    return this.at;
  }

  sleep(duration: DurationMs): Promise<void> {
    return this.timer(duration).ended;
  }

  timer(duration: DurationMs): Timer {
    let stop!: () => void;
    const ended = new Promise<void>((resolve) => {
      const sleeper: Sleeper = {
        until: this.at + duration,
        wake: () => {
          this.sleepers.delete(sleeper);
          resolve();
        },
      };
      this.sleepers.add(sleeper);
      stop = sleeper.wake;
    });
    return { ended, stop };
  }

  /** Moves time on, from one sleeper to the next; whatever each of them begins has come to rest afterwards. */
  async pass(seconds: number): Promise<void> {
    const end = this.at + seconds * 1000;
    await atRest();
    for (;;) {
      const due = [...this.sleepers]
        .filter(({ until }) => until <= end)
        .sort((a, b) => a.until - b.until)
        .at(0);
      if (!due) break;
      this.at = epochMs(Math.max(this.at, due.until));
      due.wake();
      await atRest();
    }
    this.at = epochMs(end);
  }
}

const TURNS = 20;

/** Lets everything run that needs no time: promises, streams and the table in memory. */
export async function atRest(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * A process of the product: its own clock, off by its skew, its own randomness, and a life that can end at any
 * await. What a dead process waits for never comes: no handler, no `finally` runs.
 */
import { durationMs, epochMs, type DurationMs } from '../../lambdas/core/brands.ts';
import type { Clock, Timer } from '../../lambdas/core/ports.ts';
import { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

export class SimulatedProcess {
  readonly number: number;
  readonly clock: Clock;
  readonly ids: Random;
  alive = true;
  /** Requests of this process that got no answer, or one that decides nothing. */
  faultsMet = 0;
  private readonly heard = new Map<string, number>();
  private readonly time: VirtualTime;
  private readonly fate: Random;
  private readonly killShare: () => number;
  private readonly mourners = new Set<() => void>();

  constructor(options: {
    number: number;
    seed: number;
    time: VirtualTime;
    skewMs: number;
    killShare: () => number;
  }) {
    const { number, seed, time, skewMs, killShare } = options;
    this.number = number;
    this.time = time;
    this.killShare = killShare;
    this.fate = new Random(seed, `fate ${number}`);
    this.ids = new Random(seed, `ids ${number}`);
    this.clock = {
      now: () => epochMs(Math.floor(time.now + skewMs)),
      sleep: (duration) => this.sleep(duration),
      timer: (duration) => this.timer(duration),
    };
  }

  /** Draws whether the process dies here; true also when it is dead already. */
  dies(): boolean {
    if (this.alive && this.fate.chance(this.killShare())) this.kill();
    return !this.alive;
  }

  /** An answer about an item reached it, which stood so at an instant. */
  hears(pk: string, stoodAt: number): void {
    this.heard.set(pk, Math.max(stoodAt, this.heardOf(pk)));
  }

  /** The instant as of which it knows an item. */
  heardOf(pk: string): number {
    return this.heard.get(pk) ?? 0;
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const mourn of [...this.mourners]) mourn();
    this.mourners.clear();
  }

  /** Calls back when the process is killed; returns how to stop listening. */
  onDeath(mourn: () => void): () => void {
    this.mourners.add(mourn);
    return () => void this.mourners.delete(mourn);
  }

  sleep(duration: DurationMs): Promise<void> {
    return new Promise((resolve) => {
      if (this.dies()) return;
      this.time.in(duration, () => {
        if (!this.dies()) resolve();
      });
    });
  }

  private timer(duration: DurationMs): Timer {
    let stop!: () => void;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    return { ended: Promise.race([this.sleep(durationMs(duration)), stopped]), stop };
  }
}

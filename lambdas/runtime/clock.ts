/** Port `Clock` over the machine's clock: with ids.ts beside it, the only place of any host that reads time or sets timers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { epochMs, type DurationMs } from '../core/brands.ts';
import type { Clock } from '../core/ports.ts';

export const systemClock: Clock = {
  now: () => epochMs(Date.now()),
  sleep: (duration: DurationMs) => sleep(duration),
  timer: (duration: DurationMs) => {
    let stop!: () => void;
    const ended = new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, duration);
      stop = () => {
        clearTimeout(timeout);
        resolve();
      };
    });
    return { ended, stop };
  },
};

/** Port `Clock` over the machine's clock: with local/ids.ts, the only place of the host that reads time or sets timers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { epochMs, type DurationMs } from '../lambdas/core/brands.ts';
import type { Clock } from '../lambdas/core/ports.ts';

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

/** Port `Clock` over the machine's clock: with local/ids.ts, the only place of the host that reads time or sets timers. */
import { epochMs, type DurationMs } from '../lambdas/core/brands.ts';
import type { Clock } from '../lambdas/core/ports.ts';

export const systemClock: Clock = {
  now: () => epochMs(Date.now()),
  sleep: (duration: DurationMs, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, duration);
      signal?.addEventListener('abort', wake);
    }),
};

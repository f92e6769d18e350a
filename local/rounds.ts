/** Work that is done at start and again after each pause, until stopped. On AWS schedules do the same. */
import type { DurationMs } from '../lambdas/core/brands.ts';
import { TableUnavailable, type Clock, type Timer } from '../lambdas/core/ports.ts';

export interface Rounds {
  /** Ends when the round under way has ended. */
  stop(): Promise<void>;
}

/** What a round throws is reported, and the next one comes all the same. */
export function startRounds(
  { clock, report }: { clock: Clock; report: (reason: string) => void },
  every: DurationMs,
  round: () => Promise<void>,
): Rounds {
  const stopping = new AbortController();
  let pause: Timer | undefined;
  const isStopping = (): boolean => stopping.signal.aborted;
  const rounds = (async () => {
    for (;;) {
      try {
        await round();
      } catch (error) {
        report(error instanceof TableUnavailable ? error.message : String(error));
      }
      if (isStopping()) return;
      pause = clock.timer(every);
      await pause.ended;
      if (isStopping()) return;
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      pause?.stop();
      await rounds;
    },
  };
}

/** Runs the ledger's collector at start and every five minutes, until stopped. On AWS a schedule does the same. */
import { durationMs } from '../lambdas/core/brands.ts';
import { collectAll } from '../lambdas/core/ledger/collect.ts';
import type { Ledger } from '../lambdas/core/ledger/ledger.ts';
import { nonceBits } from '../lambdas/core/ledger/stamp.ts';
import { TableUnavailable, type Clock, type Ids, type Table, type Timer } from '../lambdas/core/ports.ts';
import { MINUTE } from '../lambdas/core/time.ts';

const EVERY = durationMs(5 * MINUTE);

export interface Collector {
  /** Ends when the round under way has ended. */
  stop(): Promise<void>;
}

export function startCollector(deps: {
  table: Table;
  ledger: Ledger;
  clock: Clock;
  ids: Ids;
  report: (reason: string) => void;
}): Collector {
  const stopping = new AbortController();
  let pause: Timer | undefined;
  const isStopping = (): boolean => stopping.signal.aborted;
  const rounds = (async () => {
    for (;;) {
      try {
        const { broken } = await collectAll(deps, () => deps.ids.randomBits(nonceBits));
        for (const reason of broken) deps.report(reason);
      } catch (error) {
        deps.report(error instanceof TableUnavailable ? error.message : String(error));
      }
      if (isStopping()) return;
      pause = deps.clock.timer(EVERY);
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

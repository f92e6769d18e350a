/**
 * Refreshes prices at start and then by the hour, or as the policy says, until stopped. On AWS a schedule does the same.
 * A machine without internet stays quiet: a feed that cannot be read is reported only if it could be read before.
 */
import { durationMs } from '../lambdas/core/brands.ts';
import { TableUnavailable, type Clock, type Timer } from '../lambdas/core/ports.ts';
import { MINUTE } from '../lambdas/core/time.ts';
import type { PriceOffice } from '../lambdas/price-refresh/price-office.ts';

export interface PriceRefresh {
  /** Ends when the round under way has ended. */
  stop(): Promise<void>;
}

export function startPriceRefresh({
  office,
  clock,
  everyMinutes,
  report,
}: {
  office: Pick<PriceOffice, 'refresh'>;
  clock: Clock;
  everyMinutes: number;
  report: (reason: string) => void;
}): PriceRefresh {
  const stopping = new AbortController();
  const read = new Set<string>();
  let pause: Timer | undefined;
  const isStopping = (): boolean => stopping.signal.aborted;
  const round = async (): Promise<void> => {
    const { feeds, edited } = await office.refresh();
    for (const { family, url, status, reason } of feeds) {
      if (status !== 'failed') read.add(url);
      else if (read.delete(url)) report(`${family} at ${url}: ${reason ?? 'it failed'}`);
    }
    if (edited.length > 0) report(`the books have other prices than this release for ${edited.join(', ')}`);
  };
  const rounds = (async () => {
    for (;;) {
      await round().catch((error: unknown) => {
        if (!stopping.signal.aborted)
          report(error instanceof TableUnavailable ? error.message : String(error));
      });
      if (isStopping()) return;
      pause = clock.timer(durationMs(everyMinutes * MINUTE));
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

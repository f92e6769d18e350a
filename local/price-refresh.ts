/**
 * Refreshes prices at start and then by the hour, or as the policy says, until stopped. On AWS a schedule does the same.
 * A machine without internet stays quiet: a feed that cannot be read is reported only if it could be read before.
 */
import { durationMs } from '../lambdas/core/brands.ts';
import type { Clock } from '../lambdas/core/ports.ts';
import { MINUTE } from '../lambdas/core/time.ts';
import type { PriceOffice } from '../lambdas/price-refresh/price-office.ts';
import { startRounds, type Rounds } from './rounds.ts';

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
}): Rounds {
  const read = new Set<string>();
  const round = async (): Promise<void> => {
    const { feeds, edited } = await office.refresh();
    for (const { family, url, status, reason } of feeds) {
      if (status !== 'failed') read.add(url);
      else if (read.delete(url)) report(`${family} at ${url}: ${reason ?? 'it failed'}`);
    }
    if (edited.length > 0) report(`the books have other prices than this release for ${edited.join(', ')}`);
  };
  let isStopping = false;
  const reportUnlessStopping = (reason: string): void => {
    if (!isStopping) report(reason);
  };
  const deps = { clock, report: reportUnlessStopping };
  const rounds = startRounds(deps, durationMs(everyMinutes * MINUTE), round);
  return {
    stop: () => {
      isStopping = true;
      return rounds.stop();
    },
  };
}

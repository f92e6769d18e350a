/** The rounds in which mails of crossings that wait are gathered, every second here; on AWS a schedule does the same. */
import { durationMs } from '../lambdas/core/brands.ts';
import type { FinanceDesk } from '../lambdas/core/finance/finance-desk.ts';
import type { Clock } from '../lambdas/core/ports.ts';
import { SECOND } from '../lambdas/core/time.ts';
import { startRounds } from './rounds.ts';

/** Whoever noted a crossing is this process, and has mailed it within this or does not. */
const ROUND_AFTER = durationMs(2 * SECOND);

export function startFinanceDesk({
  desk,
  clock,
  report,
}: {
  desk: FinanceDesk;
  clock: Clock;
  report: (reason: string) => void;
}): { stop(): Promise<void> } {
  const rounds = startRounds({ clock, report }, SECOND, async () => {
    await desk.mailWaiting(ROUND_AFTER);
  });
  return {
    stop: async () => {
      await rounds.stop();
      await desk.mailWaiting(durationMs(0)).catch((error: unknown) => report(String(error)));
    },
  };
}

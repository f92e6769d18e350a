/** The rounds in which mails of crossings that wait are gathered, every second here, and the digests; on AWS schedules do the same. */
import { durationMs } from '../lambdas/core/brands.ts';
import type { DigestDesk } from '../lambdas/core/finance/digest-desk.ts';
import { isDigestHour } from '../lambdas/core/finance/digest.ts';
import type { FinanceDesk } from '../lambdas/core/finance/finance-desk.ts';
import type { Clock } from '../lambdas/core/ports.ts';
import { MINUTE, SECOND } from '../lambdas/core/time.ts';
import { startRounds } from './rounds.ts';

/** What crosses within this is gathered. */
const ROUND_AFTER = durationMs(2 * SECOND);

export function startFinanceDesk({
  desk,
  digests,
  zone,
  clock,
  report,
}: {
  desk: FinanceDesk;
  digests: DigestDesk;
  zone: string;
  clock: Clock;
  report: (reason: string) => void;
}): { stop(): Promise<void> } {
  const rounds = startRounds({ clock, report }, SECOND, async () => {
    await desk.mailWaiting(ROUND_AFTER);
  });
  const digestRounds = startRounds({ clock, report }, MINUTE, async () => {
    if (!isDigestHour(zone, clock.now())) return;
    for (const kind of digests.kinds) await digests.send(kind);
  });
  return {
    stop: async () => {
      await rounds.stop();
      await digestRounds.stop();
      await desk.mailWaiting(durationMs(0)).catch((error: unknown) => report(String(error)));
    },
  };
}

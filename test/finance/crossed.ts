/** Crossings as the change feed tells of them: a user whose settled dollars have reached rungs of a cap of $20.00 a month. */
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { crossingsOf, leafChange, poolChange } from '../../lambdas/core/escalation/crossings.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import { defaultLadder, growth, leafAt, monthly, poolAt } from '../escalation/leaves.ts';
import { instant } from '../rollups/charged-world.ts';

const NOON = instant('2026-11-24T12:00:00Z');

/** The highest rung that was reached. */
export async function crossedBy(
  user: string,
  settled: string,
  more: Partial<Cap> = { scope: { type: 'user', id: '*' } },
): Promise<CapThresholdCrossed> {
  const leaf = { ...leafAt(settled), ...leafKey({ type: 'user', id: user }) };
  const events = await crossingsOf(
    leafChange(undefined, leaf, NOON),
    async () => monthly(more),
    defaultLadder,
  );
  return events.at(-1)!;
}

export async function crossedByTeam(settled: string): Promise<CapThresholdCrossed> {
  const events = await crossingsOf(
    poolChange(undefined, poolAt(settled), NOON),
    async () => growth(),
    defaultLadder,
  );
  return events.at(-1)!;
}

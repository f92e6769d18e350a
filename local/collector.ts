/** Runs the ledger's collector, and the folds that follow from it, at start and every five minutes, until stopped. On AWS a schedule does the same. */
import { durationMs } from '../lambdas/core/brands.ts';
import type { Cap } from '../lambdas/core/caps/cap.ts';
import { collectAll } from '../lambdas/core/ledger/collect.ts';
import type { Ledger } from '../lambdas/core/ledger/ledger.ts';
import { nonceBits } from '../lambdas/core/ledger/stamp.ts';
import type { Clock, Ids, Table } from '../lambdas/core/ports.ts';
import { MINUTE } from '../lambdas/core/time.ts';
import { startRounds, type Rounds } from './rounds.ts';

const EVERY = durationMs(5 * MINUTE);

export function startCollector(deps: {
  table: Table;
  ledger: Ledger;
  clock: Clock;
  ids: Ids;
  /** By the name of its account. */
  capOf: (account: string) => Promise<Cap | undefined>;
  report: (reason: string) => void;
}): Rounds {
  return startRounds(deps, EVERY, async () => {
    const { broken } = await collectAll(deps, () => deps.ids.randomBits(nonceBits));
    broken.push(...(await deps.ledger.folds.forAllKnown(deps.capOf)));
    for (const reason of broken) deps.report(reason);
  });
}

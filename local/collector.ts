/** Runs the ledger's collector at start and every five minutes, until stopped. On AWS a schedule does the same. */
import { durationMs } from '../lambdas/core/brands.ts';
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
  report: (reason: string) => void;
}): Rounds {
  return startRounds(deps, EVERY, async () => {
    const { broken } = await collectAll(deps, () => deps.ids.randomBits(nonceBits));
    for (const reason of broken) deps.report(reason);
  });
}

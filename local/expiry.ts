/** Deletes what has expired, at start and every hour; DynamoDB does it by itself. */
import { durationMs } from '../lambdas/core/brands.ts';
import { EXPIRY_ATTRIBUTE, isExpired } from '../lambdas/core/expiry.ts';
import { everyItem } from '../lambdas/core/pages.ts';
import type { Clock, ItemKey, Table } from '../lambdas/core/ports.ts';
import { HOUR, SECOND } from '../lambdas/core/time.ts';
import { startRounds, type Rounds } from './rounds.ts';

const EVERY = durationMs(1 * HOUR);

export function startExpirySweeper(deps: {
  table: Table;
  clock: Clock;
  report: (reason: string) => void;
}): Rounds {
  return startRounds(deps, EVERY, () => deleteExpired(deps));
}

async function deleteExpired({ table, clock }: { table: Table; clock: Clock }): Promise<void> {
  const now = clock.now();
  for await (const item of everyItem((at) => table.scan(at))) {
    if (!isExpired(item, now)) continue;
    await table.delete({
      key: { pk: item['pk'], sk: item['sk'] } as ItemKey,
      condition: '#ttl <= :now',
      names: { '#ttl': EXPIRY_ATTRIBUTE },
      values: { ':now': BigInt(Math.floor(now / SECOND)) },
    });
  }
}

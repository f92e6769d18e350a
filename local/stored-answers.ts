/**
 * Answers kept for repeats, as on AWS but for two things: the key lies beside the books (in memory where they are), and
 * what has expired is deleted by us, where DynamoDB does it by itself.
 */
import { AesSealer } from '../lambdas/adapters/sealing/aes-sealer.ts';
import { durationMs } from '../lambdas/core/brands.ts';
import { everyItem } from '../lambdas/core/pages.ts';
import { storesAnswers, type Policy } from '../lambdas/core/policy/policy.ts';
import type { Clock, Ids, ItemKey, Table } from '../lambdas/core/ports.ts';
import { EXPIRY_ATTRIBUTE, StoredAnswers } from '../lambdas/core/replay/stored-answers.ts';
import { HOUR, SECOND } from '../lambdas/core/time.ts';
import { keptSecret } from './kept-secret.ts';
import { startRounds, type Rounds } from './rounds.ts';

const KEY_FILE = 'answer-key.txt';
const EVERY = durationMs(1 * HOUR);

/** Undefined where no app has its answers stored: then there is no key either. */
export function openStoredAnswers(
  { table, clock, ids, policy }: { table: Table; clock: Clock; ids: Ids; policy: Policy },
  dataDirectory: string | undefined,
): StoredAnswers | undefined {
  if (!storesAnswers(policy)) return undefined;
  const secret = keptSecret(KEY_FILE, dataDirectory, ids);
  return new StoredAnswers({ table, clock, policy, sealer: new AesSealer({ secret: async () => secret }) });
}

/** Deletes what has expired, at start and every hour. */
export function startAnswerSweeper(deps: {
  table: Table;
  clock: Clock;
  report: (reason: string) => void;
}): Rounds {
  return startRounds(deps, EVERY, () => deleteExpired(deps));
}

async function deleteExpired({ table, clock }: { table: Table; clock: Clock }): Promise<void> {
  const now = BigInt(Math.floor(clock.now() / SECOND));
  for await (const item of everyItem((at) => table.scan(at))) {
    const expiry = item[EXPIRY_ATTRIBUTE];
    if (typeof expiry !== 'bigint' || expiry > now) continue;
    await table.delete({
      key: item as ItemKey,
      condition: '#ttl <= :now',
      names: { '#ttl': EXPIRY_ATTRIBUTE },
      values: { ':now': now },
    });
  }
}

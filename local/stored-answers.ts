/** Answers kept for repeats, as on AWS, but the key lies beside the books (in memory where they are). */
import { AesSealer } from '../lambdas/adapters/sealing/aes-sealer.ts';
import { storesAnswers, type Policy } from '../lambdas/core/policy/policy.ts';
import type { Clock, Ids, Table } from '../lambdas/core/ports.ts';
import { StoredAnswers } from '../lambdas/core/replay/stored-answers.ts';
import { keptSecret } from './kept-secret.ts';

const KEY_FILE = 'answer-key.txt';

/** Undefined where no app has its answers stored: then there is no key either. */
export function openStoredAnswers(
  { table, clock, ids, policy }: { table: Table; clock: Clock; ids: Ids; policy: Policy },
  dataDirectory: string | undefined,
): StoredAnswers | undefined {
  if (!storesAnswers(policy)) return undefined;
  const secret = keptSecret(KEY_FILE, dataDirectory, ids);
  return new StoredAnswers({ table, clock, policy, sealer: new AesSealer({ secret: async () => secret }) });
}

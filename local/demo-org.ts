/**
 * The demo org: a user and a team with caps and a key, so that the first call works as printed and shows caps of both
 * kinds. Whoever its caps cover has a name that is kept for it, so that none of them meets a call of anybody else.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyIdOf, makeKey } from '../lambdas/core/directory/app-keys.ts';
import { capFromInput, type CapInput } from '../lambdas/core/caps/cap-definition.ts';
import type { Directory } from '../lambdas/core/directory/directory.ts';
import type { Clock, Ids } from '../lambdas/core/ports.ts';

const NAME = 'spendcap-demo';
const CAPS: Record<string, CapInput> = {
  'demo-month': { scope: { type: 'user', id: NAME }, metric: 'usd', window: 'month', limit: '5.00' },
  'demo-summarise-day': {
    scope: { type: 'user_feature', id: `${NAME}/summarise` },
    metric: 'usd',
    window: 'day',
    limit: '1.00',
  },
  'demo-team-month': { scope: { type: 'team', id: NAME }, metric: 'usd', window: 'month', limit: '20.00' },
};
/** Only hashes of keys are in the books, so the demo key lies beside them. */
const KEY_FILE = 'demo-key.txt';

export interface DemoOrg {
  key: string;
}

/** What stands there already is left as it is: caps may have been changed. */
export async function seedDemoOrg(
  { directory, clock, ids }: { directory: Directory; clock: Clock; ids: Ids },
  dataDirectory: string | undefined,
): Promise<DemoOrg> {
  const keyFile = dataDirectory === undefined ? undefined : join(dataDirectory, KEY_FILE);
  const known = keyFile !== undefined && existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : '';
  const knownId = keyIdOf(known);
  if (knownId !== undefined && (await directory.getKey(knownId))) return { key: known };

  for (const [id, input] of Object.entries(CAPS)) {
    const cap = capFromInput(id, input);
    if ('kind' in cap) throw new Error(cap.message);
    if (!(await directory.getCap(id))) await directory.putCap(cap, 'admin');
  }
  const { id, hash, key } = await makeKey('local', ids);
  await directory.createKey({
    id,
    hash,
    app: 'demo',
    team: NAME,
    scopes: ['call'],
    user: NAME,
    requireUser: false,
    createdAt: clock.now(),
  });
  if (keyFile !== undefined) writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });
  return { key };
}

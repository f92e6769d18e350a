/** A secret that is made at the first start and kept beside the books; in memory where they are. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ids } from '../lambdas/core/ports.ts';

const SECRET_BITS = 256;

export function keptSecret(fileName: string, dataDirectory: string | undefined, ids: Ids): string {
  const made = ids.randomBits(SECRET_BITS).toString(36);
  if (dataDirectory === undefined) return made;
  const file = join(dataDirectory, fileName);
  if (!existsSync(file)) writeFileSync(file, `${made}\n`, { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

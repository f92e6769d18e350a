/** The documents beside, as text. */
import { readFileSync } from 'node:fs';

export const documentNamed = (name: string): string =>
  readFileSync(new URL(`documents/${name}.json`, import.meta.url), 'utf8');

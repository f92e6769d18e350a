/** Each rule of the document has its test, and each test its rule. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const documented = [
  ...readFileSync(join(import.meta.dirname, '../../../docs/billing-rules.md'), 'utf8').matchAll(
    /^\| `([a-z-]+)` /gm,
  ),
].map((match) => match[1]!);
const tested = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => [
    ...readFileSync(join(import.meta.dirname, name), 'utf8').matchAll(/^ {2}rule\('([a-z-]+)',/gm),
  ])
  .map((match) => match[1]!);

it('no rule is without its test, and no test without its rule', () => {
  expect(documented.length).toBeGreaterThan(60);
  expect(new Set(documented).size).toBe(documented.length);
  expect([...tested].sort()).toEqual([...documented].sort());
});

/** The mutant gate: each guard, removed, is noticed; and what is written down about it is true. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { afterAll, describe, expect, test } from 'vitest';
import { editedText } from './bundle.ts';
import { byName, CAUGHT_BY, caughtBySeeds } from './caught-by.ts';
import { hunt } from './hunt.ts';
import { MUTANTS } from './mutants.ts';
import { readProof, withTable } from './proof-table.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SEEDS_MAX = 300;
/** Without the guard the product runs and does wrong; what cannot run proves nothing about the guard. */
const BROKEN = /^(TypeError|ReferenceError|RangeError|SyntaxError|ValidationException)/;
/** Of one that hunts through all of them, while others do the same. */
const HUNT_MS = 300_000;

test('every guard still stands where its mutant looks for it', async () => {
  const stale: string[] = [];
  for (const { name, edits } of MUTANTS) {
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const source = await readFile(join(ROOT, file), 'utf8');
      try {
        editedText(
          source,
          edits.filter((edit) => edit.file === file),
        );
      } catch (error) {
        stale.push(`${name}: ${(error as Error).message}`);
      }
    }
  }
  expect(stale, 'the guard has moved: let its mutant in test/simulation/mutants/ follow').toEqual([]);
});

test('each mutant that seeds catch has the seed that caught it, and no other has one', () => {
  expect(Object.keys(CAUGHT_BY), 'npm run simulate:mutants -- --update').toEqual(
    caughtBySeeds(MUTANTS).sort(byName),
  );
});

test('docs/proof.md says what catches each', async () => {
  const text = await readProof();
  expect(text, 'npm run simulate:mutants -- --update').toBe(await withTable(text, MUTANTS, CAUGHT_BY));
});

describe.concurrent('without a guard the auditor finds', () => {
  const turns = pLimit(availableParallelism());
  const started = performance.now();
  const elsewhere: string[] = [];

  test.each(MUTANTS)(
    '$name',
    async (mutant) => {
      const caughtBefore = CAUGHT_BY[mutant.name];
      const { by, how } = await turns(() => hunt(mutant, { caughtBefore, seedsMax: SEEDS_MAX }));
      expect(by, `"${mutant.name}" survives: ${how}`).toBeDefined();
      expect(how).not.toMatch(BROKEN);
      if (by && 'seed' in by && by.seed !== caughtBefore) elsewhere.push(`${mutant.name}: seed ${by.seed}`);
    },
    HUNT_MS,
  );

  afterAll(() => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stdout.write(`${MUTANTS.length} mutants in ${seconds} s\n`);
    if (elsewhere.length === 0) return;
    process.stdout.write(
      `Not where they were caught before; npm run simulate:mutants -- --update notes it: ${elsewhere.join('; ')}\n`,
    );
  });
});

/** The mutant gate: each guard, removed, is noticed; and what is written down about it is true. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { editedText } from './bundle.ts';
import { hunt } from './hunt.ts';
import { MUTANTS } from './mutants.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SEEDS_MAX = 300;

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

describe('without a guard the auditor finds', () => {
  test.each(MUTANTS.filter(({ scenario }) => scenario !== undefined))(
    '$name',
    async (mutant) => {
      const { by, how } = await hunt(mutant, {
        caughtBefore: undefined,
        seedsMax: SEEDS_MAX,
      });
      expect(by, how).toBeDefined();
    },
    120_000,
  );
});

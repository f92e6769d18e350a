/** Every guard still stands where its mutant looks for it. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { editedText } from './bundle.ts';
import { MUTANTS } from './mutants.ts';

const ROOT = resolve(import.meta.dirname, '../..');

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

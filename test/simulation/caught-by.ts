/** The seed that caught each mutant when it was last hunted. It is tried first, so that the gate rarely has to hunt. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import caughtBy from './caught-by.json' with { type: 'json' };
import type { Mutant } from './mutants/mutant.ts';

/** By name; of those that seeds catch. */
export type CaughtBy = Readonly<Record<string, number>>;
export const CAUGHT_BY: CaughtBy = caughtBy;

const FILE = join(import.meta.dirname, 'caught-by.json');

export const byName = (a: string, b: string): number => (a < b ? -1 : 1);

/** Sorted, one line a mutant; without entries of mutants that are gone, or have a scenario now. */
export async function writeCaughtBy(caught: CaughtBy, mutants: readonly Mutant[]): Promise<CaughtBy> {
  const kept = new Set(caughtBySeeds(mutants));
  const sorted = Object.fromEntries(
    Object.entries(caught)
      .filter(([name]) => kept.has(name))
      .sort(([a], [b]) => byName(a, b)),
  );
  await writeFile(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
  return sorted;
}

export const caughtBySeeds = (mutants: readonly Mutant[]): string[] =>
  mutants.filter(({ scenario }) => scenario === undefined).map(({ name }) => name);

/** The roll-up under everything that can go wrong: many small seeds. */
import { expect, test } from 'vitest';
import { runRollUps } from './roll-ups.ts';

const SEEDS = 60;

test(`rows are the sum of the charges in the end, in ${SEEDS} seeds`, async () => {
  const failed: string[] = [];
  let [charges, gaps] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    try {
      const audit = await runRollUps(seed);
      charges += audit.charges;
      gaps += audit.gaps;
    } catch (error) {
      failed.push(`seed ${seed}: ${String(error)}`);
    }
  }
  expect(failed).toEqual([]);
  expect(charges).toBeGreaterThan(500);
  expect(gaps, 'charges that were never told of').toBeGreaterThan(5);
}, 120_000);

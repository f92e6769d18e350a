/**
 * A crowd of one team on virtual time: nobody is told that the money is gone while it is not, nobody is told that the
 * ledger cannot be reached while it can, and all of the money can be spent. In full: `npm run bench`.
 */
import { expect, test } from 'vitest';
import { crowd, HOLD } from '../../bench/ledger/crowd.ts';
import { scenariosFor } from '../../bench/ledger/crowd-scenarios.ts';

/** Longer nobody asks in vain, however the money lies. */
const IN_THE_END_MS = 15_000;

test.each(scenariosFor(150))('$name', async ({ options, isDry }) => {
  const { users, calls = 1, callersEach = 1, limit } = options;
  const found = await crowd(options);
  expect(found.unavailable).toEqual([]);
  expect(found).toMatchObject({ falselyDenied: 0, crowded: 0 });
  expect(found.admitted + found.denied).toBe(users * calls * callersEach);
  if (calls === 1) expect(Math.max(found.lastAdmittedMs, found.lastDeniedMs)).toBeLessThan(IN_THE_END_MS);
  if (isDry) expect(limit - found.spent).toBeLessThan(HOLD);
  else expect(found.denied).toBe(0);
});

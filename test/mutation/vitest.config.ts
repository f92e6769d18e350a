/** The tests that mutants of the calculator have to survive: those of what is mutated, which take seconds. */
import { defineConfig } from 'vitest/config';

const PRICING = '{calculator,call-bound,input-bound,override,ratio,time-of-day,worst-case}';

export default defineConfig({
  test: {
    include: [`test/core/pricing/${PRICING}.test.ts`, 'test/providers/usage/{readers,vectors}.test.ts'],
    testTimeout: 60_000,
  },
});

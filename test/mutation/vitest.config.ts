/** The tests that mutants of the calculator have to survive: pure ones, which take seconds. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/core/pricing/*.test.ts', 'test/providers/**/*.test.ts'],
    testTimeout: 60_000,
  },
});

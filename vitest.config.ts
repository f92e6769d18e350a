import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real servers, SDKs and child processes: give them room on a small, busy machine.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // Many tests wait for processes of their own; one worker would leave half of a small machine idle.
    maxWorkers: '100%',
    reporters: ['default', './test/closing-line-reporter.ts'],
  },
});

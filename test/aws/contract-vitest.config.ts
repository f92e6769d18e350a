import { defineConfig } from 'vitest/config';

/** The contract suites of the table and of the ledger on the emulator alone; only `npm run test:aws` uses this. */
export default defineConfig({
  test: {
    include: ['test/contract/table.test.ts', 'test/contract/ledger.test.ts'],
    setupFiles: ['test/aws/contract-setup.ts'],
    // What the suites say of the other engines is said by `npm test`.
    testNamePattern: / on the emulator/,
    testTimeout: 300_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // One server in one thread: side by side the suites would only wait for each other.
    fileParallelism: false,
    reporters: ['json'],
  },
});

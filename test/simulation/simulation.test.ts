/** The proof in CI: scenarios, every seed that ever failed, and a budget of time on fresh ones. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { bundleSimulation } from './bundle.ts';
import failingSeeds from './failing-seeds.json' with { type: 'json' };
import { runSeeds, SeedWorker } from './fleet.ts';
import { SCENARIO_NAMES } from './scenarios.ts';
import { addResult, closingLine, newTotals, replayCommand } from './totals.ts';

const FRESH_MS = 75_000;
/** More than any machine runs in that time. */
const FRESH_SEEDS_MAX = 100_000;
const A_SEEDS_TIME_MS = 20_000;

const code = await bundleSimulation();

async function onWorker<T>(work: (worker: SeedWorker) => Promise<T>): Promise<T> {
  const worker = new SeedWorker(code);
  try {
    return await work(worker);
  } finally {
    await worker.stop();
  }
}
const runOnce = async (seed: number) =>
  (await onWorker((worker) => worker.run({ from: seed, seeds: 1, stopAtFirst: true })))[0]!;

describe('scenario', () => {
  test.each(SCENARIO_NAMES)('%s', async (name) => {
    expect(await onWorker((worker) => worker.perform(name))).toBeUndefined();
  });
});

describe('a seed that failed before passes', () => {
  test.each(failingSeeds)('$seed: $why', async ({ seed }) => {
    expect((await runOnce(seed)).violation).toBeUndefined();
  });
});

test('the same seed has the same history, wherever it runs', async () => {
  const batch = { from: 1, seeds: 5, stopAtFirst: false };
  const [alone, beside] = await Promise.all([runOnce(3), onWorker((worker) => worker.run(batch))]);
  expect(alone.events).toBeGreaterThan(500);
  expect(alone).toEqual(beside[2]);
});

/** By the commit, so that each has seeds of its own, and the same ones whenever it is tested; without one, by the day. */
function firstFreshSeed(): number {
  try {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, stdio: 'pipe' });
    return 1_000_000 + Number.parseInt(String(commit).slice(0, 8), 16);
  } catch {
    return 1_000_000 * Math.ceil(Date.now() / 86_400_000);
  }
}

test(
  'fresh seeds',
  async () => {
    const from = firstFreshSeed();
    const totals = newTotals(from);
    const failures: string[] = [];
    await runSeeds({
      code,
      from,
      seeds: FRESH_SEEDS_MAX,
      timeMs: FRESH_MS,
      onResult: (result) => {
        addResult(totals, result);
        if (result.violation !== undefined)
          failures.push(`seed ${result.seed}: ${result.violation}\n  ${replayCommand(result.seed)}`);
      },
    });
    process.stdout.write(
      `Fresh seeds ${from} to ${from + totals.seeds - 1}; again: npm run simulate -- --from ${from} --seeds ${totals.seeds}\n${closingLine(totals)}\n`,
    );
    expect(totals.seeds).toBeGreaterThan(0);
    expect(failures).toEqual([]);
  },
  FRESH_MS + 3 * A_SEEDS_TIME_MS,
);

/** Seeds on every core: batches for worker threads, each of which runs one seed after the other. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SeedResult } from './run.ts';
import type { ScenarioName } from './scenarios.ts';
import type { Batch, Task } from './seed-worker.ts';

const BATCH = 8;
/** Room for what a seed leaves behind, so that it is rarely cleared away. */
const YOUNG_MB = 128;

export interface FleetOptions {
  /** A bundle of `seed-worker.ts`. */
  code: string;
  from: number;
  seeds: number;
  /** No batch begins after this many milliseconds. */
  timeMs: number;
  workers?: number;
  onResult: (result: SeedResult) => void;
}

export async function runSeeds(options: FleetOptions): Promise<void> {
  const { code, from, seeds, timeMs, workers = availableParallelism(), onResult } = options;
  const end = performance.now() + timeMs;
  let next = from;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = new SeedWorker(code);
      try {
        while (next < from + seeds && performance.now() < end) {
          const batch = { from: next, seeds: Math.min(BATCH, from + seeds - next), stopAtFirst: false };
          next += batch.seeds;
          for (const result of await worker.run(batch)) onResult(result);
        }
      } finally {
        await worker.stop();
      }
    }),
  );
}

/** One thread. A script that breaks it fails the batch. */
export class SeedWorker {
  private readonly worker: Worker;

  constructor(code: string) {
    this.worker = new Worker(code, { eval: true, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
  }

  async run(batch: Batch): Promise<SeedResult[]> {
    return (await this.ask({ batch })) as SeedResult[];
  }

  /** What the auditor found in a scenario. */
  async perform(scenario: ScenarioName): Promise<string | undefined> {
    return (await this.ask({ scenario })) as string | undefined;
  }

  private ask(task: Task): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.worker.removeAllListeners();
      this.worker.once('message', resolve);
      this.worker.once('error', reject);
      this.worker.postMessage(task);
    });
  }

  async stop(): Promise<void> {
    this.worker.removeAllListeners();
    await this.worker.terminate();
  }
}

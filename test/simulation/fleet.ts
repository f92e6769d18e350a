/** Seeds on every core: batches for worker threads, each of which runs one seed after the other. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SeedResult } from './run.ts';
import type { Batch } from './seed-worker.ts';

const BATCH = 8;

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
    this.worker = new Worker(code, { eval: true });
  }

  run(batch: Batch): Promise<SeedResult[]> {
    return new Promise((resolve, reject) => {
      this.worker.removeAllListeners();
      this.worker.once('message', resolve);
      this.worker.once('error', reject);
      this.worker.postMessage(batch);
    });
  }

  async stop(): Promise<void> {
    this.worker.removeAllListeners();
    await this.worker.terminate();
  }
}

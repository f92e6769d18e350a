/** A worker thread that runs seeds as it is told, and reports each. */
import { parentPort } from 'node:worker_threads';
import { runSeed } from './run.ts';

// Refused conditions are errors too, by the thousand; only a replay needs to know where they came from.
Error.stackTraceLimit = 0;

export interface Batch {
  from: number;
  seeds: number;
  stopAtFirst: boolean;
}

parentPort!.on('message', ({ from, seeds, stopAtFirst }: Batch) => {
  void (async () => {
    const results = [];
    for (let seed = from; seed < from + seeds; seed += 1) {
      const result = await runSeed(seed);
      results.push(result);
      if (stopAtFirst && result.violation !== undefined) break;
    }
    parentPort!.postMessage(results);
  })();
});

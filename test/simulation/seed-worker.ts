/** A worker thread that runs seeds and scenarios as it is told, and reports each. */
import { parentPort } from 'node:worker_threads';
import { runSeed, type SeedResult } from './run.ts';
import { perform, type ScenarioName } from './scenarios.ts';

// Refused conditions are errors too, by the thousand; only a replay needs to know where they came from.
Error.stackTraceLimit = 0;

export interface Batch {
  from: number;
  seeds: number;
  stopAtFirst: boolean;
}

/** What is asked of the worker. */
export type Task = { batch: Batch } | { scenario: ScenarioName };

parentPort!.on('message', (task: Task) => {
  void (async () => {
    parentPort!.postMessage('batch' in task ? await runBatch(task.batch) : await perform(task.scenario));
  })();
});

async function runBatch({ from, seeds, stopAtFirst }: Batch): Promise<SeedResult[]> {
  const results: SeedResult[] = [];
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = await runSeed(seed);
    results.push(result);
    if (stopAtFirst && result.violation !== undefined) break;
  }
  return results;
}

/** `npm run simulate:mutants`: every mutant must be caught within a few hundred seeds. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { bundleSimulation } from './bundle.ts';
import { SeedWorker } from './fleet.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const options = new Command('simulate:mutants')
  .description('Removes each guard of the ledger in turn, and runs seeds until the auditor notices.')
  .option('--seeds <n>', 'at most so many a mutant', Number, 300)
  .option('--only <text>', 'those whose name has it', '')
  .parse()
  .opts<{ seeds: number; only: string }>();

interface Caught {
  /** Undefined where no seed failed. */
  seed: number | undefined;
  how: string;
}

const waiting = MUTANTS.filter(({ name }) => name.includes(options.only));
const total = waiting.length;
let survivors = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const { seed, how } = await hunt(mutant);
      if (seed === undefined) survivors += 1;
      const found = seed === undefined ? 'SURVIVES' : `seed ${seed}`;
      process.stdout.write(`${mutant.name.padEnd(50)} ${found.padEnd(10)} ${how.slice(0, 130)}\n`);
    }
  }),
);
process.stdout.write(`${total - survivors} passed, ${survivors} failed\n`);
process.exitCode = survivors > 0 ? 1 : 0;

async function hunt({ edits }: Mutant): Promise<Caught> {
  const worker = new SeedWorker(await bundleSimulation(edits));
  try {
    const results = await worker.run({ from: 1, seeds: options.seeds, stopAtFirst: true });
    const last = results.at(-1)!;
    if (last.violation === undefined) return { seed: undefined, how: `in ${results.length} seeds` };
    return { seed: last.seed, how: last.violation.replace(/^\S+ /, '') };
  } finally {
    await worker.stop();
  }
}

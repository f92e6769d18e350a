/** `npm run simulate:mutants`: every mutant must be caught within a few hundred seeds. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { hunt } from './hunt.ts';
import { MUTANTS } from './mutants.ts';

const options = new Command('simulate:mutants')
  .description('Removes each guard of the ledger in turn, and runs seeds until the auditor notices.')
  .option('--seeds <n>', 'at most so many a mutant', Number, 300)
  .option('--only <text>', 'those whose name has it', '')
  .parse()
  .opts<{ seeds: number; only: string }>();

const waiting = MUTANTS.filter(({ name }) => name.includes(options.only));
const total = waiting.length;
let survivors = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const { by, how } = await hunt(mutant, { caughtBefore: undefined, seedsMax: options.seeds });
      if (by === undefined) survivors += 1;
      const found = by === undefined ? 'SURVIVES' : 'seed' in by ? `seed ${by.seed}` : 'scenario';
      process.stdout.write(`${mutant.name.padEnd(50)} ${found.padEnd(10)} ${how.slice(0, 130)}\n`);
    }
  }),
);
process.stdout.write(`${total - survivors} passed, ${survivors} failed\n`);
process.exitCode = survivors > 0 ? 1 : 0;

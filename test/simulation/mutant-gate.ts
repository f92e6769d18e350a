/** `npm run simulate:mutants`: every mutant must be caught within a few hundred seeds. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import pLimit from 'p-limit';
import { CAUGHT_BY, writeCaughtBy } from './caught-by.ts';
import { hunt } from './hunt.ts';
import { MUTANTS } from './mutants.ts';
import { writeProof } from './proof-table.ts';

const options = new Command('simulate:mutants')
  .description('Removes each guard of the ledger in turn, and runs seeds until the auditor notices.')
  .option('--seeds <n>', 'at most so many a mutant', Number, 300)
  .option('--only <text>', 'those whose name has it', '')
  .option('--update', 'write down what caught each: caught-by.json, docs/proof.md', false)
  .parse()
  .opts<{ seeds: number; only: string; update: boolean }>();

const hunted = MUTANTS.filter(({ name }) => name.includes(options.only));
const caught: Record<string, number> = { ...CAUGHT_BY };
let survivors = 0;
const turns = pLimit(availableParallelism());
await turns.map(hunted, async (mutant) => {
  const caughtBefore = CAUGHT_BY[mutant.name];
  const { by, how } = await hunt(mutant, { caughtBefore, seedsMax: options.seeds });
  if (by === undefined) survivors += 1;
  else if ('seed' in by) caught[mutant.name] = by.seed;
  const found = by === undefined ? 'SURVIVES' : 'seed' in by ? `seed ${by.seed}` : 'scenario';
  process.stdout.write(`${mutant.name.padEnd(50)} ${found.padEnd(10)} ${how.slice(0, 130)}\n`);
});
if (options.update) await writeProof(MUTANTS, await writeCaughtBy(caught, MUTANTS));
process.stdout.write(`${hunted.length - survivors} passed, ${survivors} failed\n`);
process.exitCode = survivors > 0 ? 1 : 0;

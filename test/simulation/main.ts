/** `npm run simulate`: seeds of the ledger's simulation on every core; the last line is JSON (contract 6). */
import { Command, InvalidArgumentError } from 'commander';
import { bundleSimulation } from './bundle.ts';
import { runSeeds } from './fleet.ts';
import { runSeed } from './run.ts';
import { addResult, closingLine, newTotals, replayCommand, tableOf } from './totals.ts';

const SHOWN_MAX = 10;

const options = new Command('simulate')
  .description('Runs the real ledger under faults on virtual time, and audits every write.')
  .option('--seeds <n>', 'how many seeds', positive, 1000)
  .option('--from <seed>', 'the first one', positive, 1)
  .option('--minutes <m>', 'stop after this much wall time', minutes, 60)
  .parse()
  .opts<{ seeds: number; from: number; minutes: number }>();

const totals = newTotals(options.from);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const onResult = (result: Awaited<ReturnType<typeof runSeed>>): void => {
  addResult(totals, result);
  if (result.violation === undefined || totals.violations > SHOWN_MAX) return;
  say(`seed ${result.seed}: ${result.violation}\n  replay: ${replayCommand(result.seed)}`);
};

const started = performance.now();
// One seed runs here, from the sources, so that a failure shows where it happened.
if (options.seeds === 1) onResult(await runSeed(options.from));
else {
  const code = await bundleSimulation();
  await runSeeds({
    code,
    from: options.from,
    seeds: options.seeds,
    timeMs: options.minutes * 60_000,
    onResult,
  });
}
say(tableOf(totals, (performance.now() - started) / 1000));
say(closingLine(totals));
process.exitCode = totals.violations > 0 ? 1 : 0;

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Use a whole number above 0.');
  return value;
}

function minutes(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('Use a number above 0.');
  return value;
}

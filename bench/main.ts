/** `npm run bench`: what the gateway adds to a call, how many calls it takes, and at what price. See README.md. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { measureColdStart } from './cold-start.ts';
import { STORES, type Store } from './processes.ts';
import { measureCrossings } from './crossing.ts';
import { measureHostile } from './hostile.ts';
import { measureLedger } from './ledger/rows.ts';
import { machine, tableOf, writeResults, type Result } from './results.ts';
import { resultsOf } from './store-results.ts';

interface Options {
  seconds: number;
  only?: 'cold-start' | 'hostile' | 'ladder' | 'ledger';
  store?: Store;
  rate?: number;
  profile?: string;
  write: boolean;
}

const options = new Command('bench')
  .description('Measures the gateway with a simulated provider. Takes about six minutes.')
  .option(
    '--seconds <n>',
    'how long the highest rate has to be held; the rest shortens with it',
    positive,
    30,
  )
  .addOption(
    new Option('--only <part>', 'this part instead').choices(['cold-start', 'hostile', 'ladder', 'ledger']),
  )
  .addOption(new Option('--store <store>', 'only this one').choices(STORES))
  .option('--rate <n>', 'measure at this many calls a second, instead of looking for the highest', positive)
  .option('--profile <folder>', "write the gateway's CPU profile there")
  .option('--no-write', 'leave bench/results.json as it is')
  .parse()
  .opts<Options>();

if (options.only === 'cold-start') await coldStart();
else if (options.only === 'hostile') print(await hostile());
else if (options.only === 'ladder') print(await ladder());
else if (options.only === 'ledger') print(await ledger());
else print([...(await gateway()), ...(await ladder()), ...(await ledger()), ...(await hostile())]);

async function gateway(): Promise<Result[]> {
  const on = machine();
  const results: Result[] = [];
  for (const store of options.store === undefined ? STORES : [options.store]) {
    const { seconds, rate: perSecond, profile: profileFolder } = options;
    const withHolds = results.length === 0;
    results.push(...(await resultsOf({ store, seconds, perSecond, profileFolder, withHolds, say })));
  }
  if (options.write) writeResults('gateway', on, results);
  return results;
}

/** Takes half a minute; in processor time, so that whatever else runs does not show. */
async function hostile(): Promise<Result[]> {
  const on = machine();
  const results = await measureHostile();
  if (options.write) writeResults('hostile', on, results);
  return results;
}

async function ladder(): Promise<Result[]> {
  const on = machine();
  const results = await measureCrossings(say);
  if (options.write) writeResults('ladder', on, results);
  return results;
}

/** Takes three minutes, on virtual time. */
async function ledger(): Promise<Result[]> {
  const on = machine();
  const results = await measureLedger(say);
  if (options.write) writeResults('ledger', on, results);
  return results;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(results: readonly Result[]): void {
  const { cpu, cores, os, node } = machine();
  process.stdout.write(`${cpu}, ${cores} cores, ${os}, Node ${node}\n${tableOf(results)}\n`);
}

/** Not part of the results: it is about Lambda, and takes seconds. */
async function coldStart(): Promise<void> {
  const { bundleBytes, importMsMedian } = await measureColdStart();
  const kib = Math.ceil(bundleBytes / 1024);
  process.stdout.write(
    `Proxy function: bundle ${kib} KiB, cold import ${Math.round(importMsMedian)} ms (median of 15 processes)\n`,
  );
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Use a whole number above 0.');
  return value;
}

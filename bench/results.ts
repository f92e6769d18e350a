/** What the benchmark found: the table for people, `bench/results.json` for programs (contract 6). */
import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { Percentiles } from './percentiles.ts';
import type { Point } from './point.ts';

export interface Result {
  name: string;
  value: number;
  unit: string;
  /** What we aim at; null where there is no aim. */
  target: number | null;
  /** The same figure without the gateway; null where there is none. */
  baseline: number | null;
}

const FILE = join(import.meta.dirname, 'results.json');

const ADDED_P50_MS_TARGET = 2;
const ADDED_P99_MS_TARGET = 10;

export const plain = (name: string, value: number, unit: string): Result => ({
  name,
  value: rounded(value),
  unit,
  target: null,
  baseline: null,
});

/** Added latency, with the provider's own as the baseline. */
export function latencyResults(
  name: string,
  { added, direct }: { added: Percentiles; direct: Percentiles },
): Result[] {
  return (['p50', 'p95', 'p99'] as const).map((percentile) => ({
    ...plain(`${name}, added latency ${percentile}`, added[percentile], 'ms'),
    baseline: rounded(direct[percentile]),
  }));
}

/** The aims are stated for half of the highest rate. */
export const withTargets = (results: Result[]): Result[] =>
  results.map((result) => {
    if (result.name.endsWith('p50')) return { ...result, target: ADDED_P50_MS_TARGET };
    if (result.name.endsWith('p99')) return { ...result, target: ADDED_P99_MS_TARGET };
    return result;
  });

/** Nothing where the system does not tell. */
export function cpuResults(name: string, { cpuMsPerCall }: Point): Result[] {
  return Object.entries(cpuMsPerCall).flatMap(([who, value]) =>
    value === undefined ? [] : [plain(`${name}, CPU per call: ${who}`, value, 'ms')],
  );
}

export function memoryResults(name: string, { memory }: Point): Result[] {
  if (!memory) return [];
  return [
    plain(`${name}, gateway's memory (RSS)`, memory.residentMiB, 'MiB'),
    plain(`${name}, gateway's memory (RSS), highest so far`, memory.residentMiBMax, 'MiB'),
  ];
}

export interface Machine {
  cpu: string;
  cores: number;
  memory_gib: number;
  os: string;
  node: string;
  /** What else kept the machine busy when the benchmark began: runnable processes, over the last minute. */
  load_average_before: number;
}

export const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memory_gib: rounded(totalmem() / 2 ** 30),
  os: `${platform()} ${release()} ${arch()}`,
  node: process.version,
  load_average_before: rounded(loadavg()[0]!),
});

/** Parts of the benchmark that can be measured by themselves: their rows begin with their name, others are the gateway's. */
const PARTS = ['hostile', 'ladder', 'ledger'] as const;
type Part = (typeof PARTS)[number] | 'gateway';

const partOf = ({ name }: Result): Part => PARTS.find((part) => name.startsWith(`${part}, `)) ?? 'gateway';

/** Replaces the rows of one part, and leaves those of the others. Names no host and no folder. */
export function writeResults(part: Part, of: Machine, results: readonly Result[]): void {
  const before = JSON.parse(readFileSync(FILE, 'utf8')) as { machine: Machine; results: Result[] };
  const others = before.results.filter((result) => partOf(result) !== part);
  const [machine, all] =
    part === 'gateway' ? [of, [...results, ...others]] : [before.machine, [...others, ...results]];
  writeFileSync(FILE, `${JSON.stringify({ machine, results: all }, undefined, 2)}\n`);
}

export function tableOf(results: readonly Result[]): string {
  const table = new Table({
    head: ['', 'value', 'unit', 'target', 'direct'],
    colAligns: ['left', 'right', 'left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, value, unit, target, baseline } of results)
    table.push([name, value, unit, target === null ? '' : `< ${target}`, baseline ?? '']);
  return table.toString();
}

/** Two decimals: more would be noise. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

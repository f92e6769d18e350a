/** What the provider billed, by its own log, at prices that stand here as literals. */
import { existsSync, readFileSync } from 'node:fs';

interface LogLine {
  tag: string;
  model: string;
  billed: {
    input: number;
    cacheRead: number;
    cacheWrite: number;
    cacheWrite1h: number;
    output: number;
  };
}

export interface Bill {
  tag: string;
  picoUsd: bigint;
  tokens: bigint;
}

/** $0.40 and $1.60, $1 and $5 a million tokens, in picodollars a token. */
const PRICES: Record<string, { input: bigint; output: bigint }> = {
  'gpt-4.1-mini': { input: 400_000n, output: 1_600_000n },
  'claude-haiku-4-5': { input: 1_000_000n, output: 5_000_000n },
};

export function readBills(file: string): Bill[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // What follows the last line break is a line that is being written.
  return lines.slice(0, -1).map((line) => billOf(JSON.parse(line) as LogLine));
}

function billOf({ tag, model, billed }: LogLine): Bill {
  const price = PRICES[model]!;
  const { input, output, cacheRead, cacheWrite, cacheWrite1h } = billed;
  if (cacheRead + cacheWrite + cacheWrite1h > 0) throw new Error('these tests do not ask for a cache');
  return {
    tag,
    picoUsd: BigInt(input) * price.input + BigInt(output) * price.output,
    tokens: BigInt(input) + BigInt(output),
  };
}

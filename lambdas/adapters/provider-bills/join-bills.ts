/** Several files of one provider as one bill: pages follow each other, costs and usage of a day and name belong together. */
import { picoUsd } from '../../core/brands.ts';
import type { BilledLine } from '../../core/reconciliation/figures.ts';
import type { Bill } from './bill.ts';

/** By day, then by name. Where there are documents of usage, tokens are theirs: costs give them once more. */
export function joinBills(bills: readonly Bill[]): BilledLine[] {
  const ofFiles = bills.map((bill) => bill.lines());
  const isUsage = (lines: BilledLine[]): boolean => lines.every(({ usd }) => usd === null);
  const hasUsage = ofFiles.some((lines) => lines.length > 0 && isUsage(lines));
  const joined = new Map<string, BilledLine>();
  for (const lines of ofFiles) {
    const keepsTokens = !hasUsage || isUsage(lines);
    for (const line of lines) {
      const key = JSON.stringify([line.day, line.name]);
      const more = keepsTokens ? line : { ...line, tokens: null, calls: null };
      const known = joined.get(key);
      joined.set(key, known ? add(known, more) : more);
    }
  }
  return [...joined].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}

const add = (a: BilledLine, b: BilledLine): BilledLine => ({
  ...a,
  usd: a.usd === null ? b.usd : picoUsd(a.usd + (b.usd ?? 0n)),
  rounding: picoUsd(a.rounding + b.rounding),
  tokens:
    a.tokens && b.tokens
      ? { input: a.tokens.input + b.tokens.input, output: a.tokens.output + b.tokens.output }
      : (a.tokens ?? b.tokens),
  calls: a.calls === null ? b.calls : a.calls + (b.calls ?? 0n),
});

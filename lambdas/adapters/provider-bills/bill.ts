/** What a provider's bill says, by UTC day and by what it names: a model, or a tool that is billed apart. */
import { picoUsd, type PicoUsd } from '../../core/brands.ts';
import { divFloor, PICO_PER_USD } from '../../core/money.ts';
import { sum, ZERO, type Ratio } from '../../core/pricing/ratio.ts';
import type { BilledLine } from '../../core/reconciliation/figures.ts';

export interface BilledTokens {
  /** Read from a cache or written to one included. */
  input: bigint;
  output: bigint;
}

/** One row of a bill, in the provider's own words. */
export interface BillEntry {
  /** As in 2026-11-24, UTC. */
  day: string;
  /** Null where the bill is not broken down. */
  name: string | null;
  usd?: Ratio;
  /** The most that `usd` was rounded by. */
  rounding?: Ratio;
  tokens?: BilledTokens;
  calls?: bigint;
}

/** Cannot be read, or is not what it was said to be. The message goes on after the name of the file. */
export class UnreadableBill extends Error {
  override name = 'UnreadableBill';
}

/** Every day and name that a caller may have. A year of thirty models has 11,000. */
const LINES_MAX = 20_000;

interface Sum {
  usd: Ratio | undefined;
  rounding: Ratio;
  tokens: BilledTokens | undefined | 'partly';
  calls: bigint | undefined;
}

/** Adds entries up as they are read, so that a bill of any length takes the room of its days and models. */
export class Bill {
  readonly days = new Set<string>();
  readonly #sums = new Map<string, { day: string; name: string | null; sum: Sum }>();
  /** What was left out, and why. */
  readonly notes = new Set<string>();

  add({ day, name, usd, rounding = ZERO, tokens, calls }: BillEntry): void {
    this.days.add(day);
    const key = JSON.stringify([day, name]);
    const known = this.#sums.get(key);
    if (known === undefined) {
      if (this.#sums.size >= LINES_MAX)
        throw new UnreadableBill(`has more than ${LINES_MAX} days and models`);
      this.#sums.set(key, { day, name, sum: { usd, rounding, tokens, calls } });
      return;
    }
    const { sum: before } = known;
    known.sum = {
      usd: usd && before.usd ? sum(before.usd, usd) : (usd ?? before.usd),
      rounding: sum(before.rounding, rounding),
      tokens: addTokens(before.tokens, tokens),
      calls: calls === undefined ? before.calls : (before.calls ?? 0n) + calls,
    };
  }

  /** By day, then by name. */
  lines(): BilledLine[] {
    return [...this.#sums.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([
          ,
          {
            day,
            name,
            sum: { usd, rounding, tokens, calls },
          },
        ]) => ({
          day,
          name,
          usd: usd ? toPicoUsd(usd) : null,
          rounding: toPicoUsd(rounding),
          tokens: tokens === undefined || tokens === 'partly' ? null : tokens,
          calls: calls ?? null,
        }),
      );
  }
}

/** A sum of which a part is not known is not known. */
function addTokens(a: Sum['tokens'], b: BilledTokens | undefined): Sum['tokens'] {
  if (a === undefined || b === undefined || a === 'partly') return a === b ? a : 'partly';
  return { input: a.input + b.input, output: a.output + b.output };
}

/** To the nearest picodollar: providers write up to thirty digits. */
const toPicoUsd = ({ n, d }: Ratio): PicoUsd => picoUsd(divFloor(2n * n * PICO_PER_USD + d, 2n * d));

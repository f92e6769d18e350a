/** Sums of a bill and of our charges, side by side, and how far they are apart. */
import { picoUsd, type PicoUsd } from '../brands.ts';
import { divFloor } from '../money.ts';
import { times, whole, type Ratio } from '../pricing/ratio.ts';
import type { OurLine } from './our-spend.ts';

/** What a bill says of a day and a name. */
export interface BilledLine {
  /** As in 2026-11-24, UTC. */
  day: string;
  /** As the provider writes it; null where the bill is not broken down. */
  name: string | null;
  /** Null where only usage is given. */
  usd: PicoUsd | null;
  /** The most that `usd` was rounded by. */
  rounding: PicoUsd;
  /** Input with what was read from a cache or written to one. Null where they are not given, or not all. */
  tokens: { input: bigint; output: bigint } | null;
  calls: bigint | null;
}

export interface Figures {
  billed: Omit<BilledLine, 'day' | 'name'>;
  ours: Omit<OurLine, 'day' | 'model'>;
}

/** What a bill speaks of at all. What it has no line for, it puts at nothing. */
export interface Spoken {
  usd: boolean;
  tokens: boolean;
  calls: boolean;
}

export const spokenOf = (billed: readonly BilledLine[]): Spoken => ({
  usd: billed.some(({ usd }) => usd !== null),
  tokens: billed.some(({ tokens }) => tokens !== null),
  calls: billed.some(({ calls }) => calls !== null),
});

/** A sum of which a part is not known is not known, but that of dollars: a bill has all of them. */
export function addUp(billed: readonly BilledLine[], ours: readonly OurLine[], spoken: Spoken): Figures {
  return {
    billed: {
      usd: spoken.usd ? sumUsd(billed.map(({ usd }) => usd ?? 0n)) : null,
      rounding: sumUsd(billed.map(({ rounding }) => rounding)),
      tokens:
        spoken.tokens && billed.every(({ tokens }) => tokens !== null)
          ? {
              input: sum(billed.map(({ tokens }) => tokens!.input)),
              output: sum(billed.map(({ tokens }) => tokens!.output)),
            }
          : null,
      calls:
        spoken.calls && billed.every(({ calls }) => calls !== null)
          ? sum(billed.map(({ calls }) => calls!))
          : null,
    },
    ours: {
      cost: sumUsd(ours.map(({ cost }) => cost)),
      input: sum(ours.map(({ input }) => input)),
      output: sum(ours.map(({ output }) => output)),
      calls: sum(ours.map(({ calls }) => calls)),
      presumed: sum(ours.map(({ presumed }) => presumed)),
    },
  };
}

const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);
const sumUsd = (values: readonly bigint[]): PicoUsd => picoUsd(sum(values));

/** What was billed, less what we charged. Null where the bill has no dollars. */
export const differenceOf = ({ billed, ours }: Figures): PicoUsd | null =>
  billed.usd === null ? null : picoUsd(billed.usd - ours.cost);

/** Hundredths of a percent of what was billed, to the nearest; null where nothing was. */
export function basisPointsOf(figures: Figures): bigint | null {
  const difference = differenceOf(figures);
  const base = magnitude(figures.billed.usd ?? 0n);
  return difference === null || base === 0n ? null : divFloor(20_000n * difference + base, 2n * base);
}

/** `tolerance` is a share of what was billed. Dollars decide; where there are none, tokens or calls. */
export function isWithin({ billed, ours }: Figures, tolerance: Ratio): boolean {
  const { usd, rounding, tokens, calls } = billed;
  if (usd !== null) return isSmall(usd - ours.cost, usd, { tolerance, slack: rounding });
  const pairs: [bigint, bigint][] = [];
  if (tokens !== null) pairs.push([tokens.input, ours.input], [tokens.output, ours.output]);
  else if (calls !== null) pairs.push([calls, ours.calls]);
  return pairs.every(([theirs, own]) => isSmall(theirs - own, theirs, { tolerance, slack: 0n }));
}

function isSmall(
  difference: bigint,
  base: bigint,
  { tolerance, slack }: { tolerance: Ratio; slack: bigint },
): boolean {
  const { n, d } = times(whole(magnitude(base)), tolerance);
  return magnitude(difference) * d <= n + slack * d;
}

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

/**
 * What charges come to together. An adjustment counts at the time of the call that it corrects, by its difference, and
 * is no call of its own.
 */
import type { Charge, ChargeOutcome, TokensByKind } from '../ledger/charge.ts';
import type { Item } from '../ports.ts';

export interface Tally {
  /** Adjustments too: it only grows, and so tells which of two tallies of the same is the newer. */
  charges: bigint;
  costPicoUsd: bigint;
  /** Held for the calls before they were charged. */
  reservedPicoUsd: bigint;
  /** As billed, by kind; what was presumed spent has none. */
  tokens: TokensByKind;
  outcomes: Partial<Record<ChargeOutcome, bigint>>;
}

export const emptyTally = (): Tally => ({
  charges: 0n,
  costPicoUsd: 0n,
  reservedPicoUsd: 0n,
  tokens: {},
  outcomes: {},
});

export const tallyOf = ({ outcome, used, info, tokens }: Charge): Tally => ({
  charges: 1n,
  costPicoUsd: used.u,
  reservedPicoUsd: outcome === 'adjusted' ? 0n : info.pu,
  tokens: outcome === 'adjusted' ? {} : tokens,
  outcomes: { [outcome]: 1n },
});

/** Adds `more` to `tally`, in place. */
export function add(tally: Tally, more: Tally): void {
  tally.charges += more.charges;
  tally.costPicoUsd += more.costPicoUsd;
  tally.reservedPicoUsd += more.reservedPicoUsd;
  addByName(tally.tokens, more.tokens);
  addByName(tally.outcomes, more.outcomes);
}

function addByName(sums: Record<string, bigint>, more: Readonly<Record<string, bigint>>): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0n) + count;
}

/** Calls that were let through to a provider, whatever became of them. */
export const callsOf = ({ charges, outcomes }: Tally): bigint => charges - (outcomes.adjusted ?? 0n);

export const tallyToItem = (tally: Tally): Item => ({
  n: tally.charges,
  u: tally.costPicoUsd,
  p: tally.reservedPicoUsd,
  k: tally.tokens,
  o: tally.outcomes,
});

export const tallyFromItem = (item: Item): Tally => ({
  charges: item['n'] as bigint,
  costPicoUsd: item['u'] as bigint,
  reservedPicoUsd: item['p'] as bigint,
  tokens: item['k'] as TokensByKind,
  outcomes: item['o'] as Tally['outcomes'],
});

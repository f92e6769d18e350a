/** Reconciliation: whether what a provider billed is what we charged, day by day. */
import type { EpochMs } from '../brands.ts';
import { dayOf } from '../ledger/charge.ts';
import type { Table } from '../ports.ts';
import type { Provider } from '../pricing/card.ts';
import type { PriceBook } from '../pricing/price-book.ts';
import type { Ratio } from '../pricing/ratio.ts';
import { compare, type Comparison } from './compare.ts';
import type { BilledLine } from './figures.ts';
import { modelNames } from './model-names.ts';
import { ourSpend } from './our-spend.ts';

export interface Statement {
  provider: Provider;
  /** Midnights, UTC; `to` is exclusive. */
  from: EpochMs;
  to: EpochMs;
  lines: readonly BilledLine[];
  /** A share of what was billed. */
  tolerance: Ratio;
}

export interface Reconciliation extends Comparison {
  kind: 'compared';
  /** The bill speaks of these days, which are outside the span. */
  daysOutside: string[];
  /** We have calls on these days, and the bill has none. */
  daysWithoutBill: string[];
}

/** Throws TableUnavailable. */
export async function reconcile(
  { table, book }: { table: Table; book: PriceBook },
  { provider, from, to, lines, tolerance }: Statement,
): Promise<Reconciliation | { kind: 'too_many'; chargesMax: number }> {
  const ours = await ourSpend(table, { provider, from, to });
  if (ours.kind === 'too_many') return ours;
  const [first, end] = [dayOf(from), dayOf(to)];
  const isInside = ({ day }: { day: string }): boolean => day >= first && day < end;
  const inside = lines.filter(isInside);
  const billedDays = new Set(inside.map(({ day }) => day));
  return {
    kind: 'compared',
    ...compare(inside, ours.lines, { names: modelNames(book.cards, provider), tolerance }),
    daysOutside: daysOf(lines.filter((line) => !isInside(line))),
    daysWithoutBill: daysOf(ours.lines).filter((day) => !billedDays.has(day)),
  };
}

const daysOf = (lines: readonly { day: string }[]): string[] =>
  [...new Set(lines.map(({ day }) => day))].sort();

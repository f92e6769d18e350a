/** Rows of feeds that became no card, by why: how many, and some of their names. */

export interface LeftOutRow {
  /** As the feed names it. */
  entry: string;
  reason: string;
}

export interface LeftOut {
  reason: string;
  rows: number;
  examples: string[];
}

const EXAMPLES_MAX = 3;
/** Reasons may quote the feed, so there may be as many as rows. */
const REASONS_MAX = 12;

/** By how many there are; the rarest under one head where there are many reasons. */
export function leftOutOf(rows: readonly LeftOutRow[]): LeftOut[] {
  const byReason = new Map<string, string[]>();
  for (const { entry, reason } of rows) byReason.set(reason, [...(byReason.get(reason) ?? []), entry]);
  const all = [...byReason].sort(([, a], [, b]) => b.length - a.length);
  const rest = all.slice(REASONS_MAX).flatMap(([, entries]) => entries);
  const named = all.slice(0, REASONS_MAX);
  if (rest.length > 0) named.push(['other reasons', rest]);
  return named.map(([reason, entries]) => ({
    reason,
    rows: entries.length,
    examples: entries.slice(0, EXAMPLES_MAX),
  }));
}

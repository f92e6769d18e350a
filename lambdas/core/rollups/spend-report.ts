/** Who spent what on which feature and model: rows, grouped and summed, the dearest first. */
import { picoUsd, type EpochMs } from '../brands.ts';
import type { Span } from '../ledger/charges-between.ts';
import { formatUsd } from '../money.ts';
import { dayAt, HOUR, plus, toRfc3339 } from '../time.ts';
import { readRows, type RowReader } from './read-rows.ts';
import type { Row } from './row.ts';
import type { Whose } from './stored-rows.ts';
import { add, callsOf, emptyTally, type Tally } from './tally.ts';

export const DIMENSIONS = ['user', 'team', 'app', 'feature', 'model'] as const;
export type Dimension = (typeof DIMENSIONS)[number];
/** A dimension, or a tag by its name: `tag:env`. */
export type Grouping = Dimension | `tag:${string}`;

export interface SpendQuery extends Span {
  groupBy: readonly Grouping[];
  /** Rows of these only. */
  filter: Readonly<Partial<Record<Grouping, string>>>;
  granularity: 'hour' | 'day' | 'all';
  chargesMax: number;
}

export interface SpendLine extends Span {
  /** By grouping; null for calls without a user, or without the tag. */
  group: Partial<Record<Grouping, string | null>>;
  tally: Tally;
}

export interface SpendReport {
  lines: SpendLine[];
  total: Tally;
  /** Everything before is in it. */
  asOf: EpochMs;
}

/** Throws TableUnavailable. */
export async function spendReport(reader: RowReader, query: SpendQuery): Promise<SpendReport> {
  const { from, to, groupBy, filter, granularity, chargesMax } = query;
  const lines = new Map<string, SpendLine>();
  const total = emptyTally();
  const by = granularity === 'hour' ? 'hour' : 'day';
  const reading = { from, to, whose: whoseRows(query), by, chargesMax } as const;
  const asOf = await readRows(reader, reading, (period, row) => {
    if (!Object.entries(filter).every(([grouping, value]) => valueOf(row, grouping as Grouping) === value))
      return;
    add(total, row.tally);
    const values = groupBy.map((grouping) => valueOf(row, grouping));
    const key = JSON.stringify([granularity === 'all' ? from : period, ...values]);
    let line = lines.get(key);
    if (!line) {
      const group = Object.fromEntries(groupBy.map((grouping, i) => [grouping, values[i]!]));
      line = { ...spanOf(reader.zone, period, query), group, tally: emptyTally() };
      lines.set(key, line);
    }
    add(line.tally, row.tally);
  });
  return { lines: [...lines.values()].sort(dearestFirst), total, asOf };
}

/** Rows of all together have neither users nor tags. */
function whoseRows({ groupBy, filter }: SpendQuery): Whose {
  if (filter.user !== undefined) return { type: 'user', id: filter.user };
  const named = [...groupBy, ...Object.keys(filter)];
  return named.some((grouping) => grouping === 'user' || grouping.startsWith('tag:')) ? 'each' : 'together';
}

function valueOf(row: Row, grouping: Grouping): string | null {
  switch (grouping) {
    case 'user':
      return row.who?.type === 'user' ? row.who.id : null;
    case 'team':
    case 'app':
    case 'feature':
    case 'model':
      return row[grouping];
    default:
      return row.tags[grouping.slice('tag:'.length)] ?? null;
  }
}

/** The period, as far as it is asked for. */
function spanOf(zone: string, period: EpochMs, { from, to, granularity }: SpendQuery): Span {
  if (granularity === 'all') return { from, to };
  const end = granularity === 'hour' ? plus(period, HOUR) : dayAt(zone, period).end;
  return { from: period < from ? from : period, to: end > to ? to : end };
}

function dearestFirst(a: SpendLine, b: SpendLine): number {
  if (a.from !== b.from) return a.from - b.from;
  if (a.tally.costPicoUsd !== b.tally.costPicoUsd) return a.tally.costPicoUsd < b.tally.costPicoUsd ? 1 : -1;
  return JSON.stringify(a.group) < JSON.stringify(b.group) ? -1 : 1;
}

/** As the API shows it. Counts are JSON numbers: no sum of calls or tokens comes near 2^53. */
export const tallyView = (tally: Tally) => ({
  cost_usd: formatUsd(picoUsd(tally.costPicoUsd)),
  requests: Number(callsOf(tally)),
  outcomes: numbers(tally.outcomes),
  tokens: numbers(tally.tokens),
  reserved_usd: formatUsd(picoUsd(tally.reservedPicoUsd)),
});

export const lineView = ({ from, to, group, tally }: SpendLine) => {
  const tags = Object.entries(group).flatMap(([grouping, value]) =>
    grouping.startsWith('tag:') ? [[grouping.slice('tag:'.length), value] as const] : [],
  );
  const named = Object.entries(group).filter(([grouping]) => !grouping.startsWith('tag:'));
  return {
    start: toRfc3339(from),
    end: toRfc3339(to),
    ...(Object.fromEntries(named) as Partial<Record<Dimension, string | null>>),
    ...(tags.length > 0 && { tags: Object.fromEntries(tags) }),
    ...tallyView(tally),
  };
};

const numbers = (counts: Readonly<Record<string, bigint>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(counts)
      .sort()
      .map(([name, count]) => [name, Number(count)]),
  );

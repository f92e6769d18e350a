/** What was spent, of which scope, on a day so far and on each of the days before: from rows. */
import { durationMs, type EpochMs } from '../brands.ts';
import type { AnomalyScope } from '../events/anomaly-detected.ts';
import type { Span } from '../ledger/charges-between.ts';
import { readRows, type RowReader } from '../rollups/read-rows.ts';
import type { Row } from '../rollups/row.ts';
import { callsOf } from '../rollups/tally.ts';
import { dayAt, plus } from '../time.ts';
import { DAYS_BEFORE } from './rule.ts';

/** Calls of one kind: whose, and what for. */
export interface Kind {
  user: string | null;
  team: string;
  app: string;
  feature: string;
  model: string;
}
export interface KindSpend extends Kind {
  costPicoUsd: bigint;
  calls: bigint;
}

/** Of hours that have no rows yet: of more what was read until then counts. */
const CHARGES_MAX = 50_000;

/** Of a span within a day, by kind. Throws TableUnavailable. */
export async function spendByKind(reader: RowReader, span: Span): Promise<KindSpend[]> {
  const kinds = new Map<string, KindSpend>();
  const reading = { ...span, whose: 'each', by: 'hour', chargesMax: CHARGES_MAX } as const;
  await readRows(reader, reading, (_hour, row) => {
    const kind = kindOf(row);
    const key = JSON.stringify(kind);
    const known = kinds.get(key) ?? { ...kind, costPicoUsd: 0n, calls: 0n };
    kinds.set(key, known);
    known.costPicoUsd += row.tally.costPicoUsd;
    known.calls += callsOf(row.tally);
  });
  return [...kinds.values()];
}

const kindOf = ({ who, team, app, feature, model }: Row): Kind => ({
  user: who?.type === 'user' ? who.id : null,
  ...{ team, app, feature, model },
});

/** The id of the scope of this type that such calls belong to; undefined for a user of calls without one. */
export function scopeIdOf(type: AnomalyScope, { user, team, app, feature }: Kind): string | undefined {
  switch (type) {
    case 'user':
      return user ?? undefined;
    case 'feature':
      return `${app}/${feature}`;
    case 'app':
      return app;
    case 'team':
      return team;
    case 'org':
      return 'org';
  }
}

/** Each day's cost, of the days before the one that begins then. Undefined where not all could be read. */
export type History = readonly bigint[] | undefined;

/** Of one user. Throws TableUnavailable. */
export async function userHistory(reader: RowReader, user: string, day: EpochMs): Promise<History> {
  const days = new Map<EpochMs, bigint>();
  const whose = { type: 'user', id: user } as const;
  const isWhole = await readDaysBefore(reader, day, whose, (start, row) => addTo(days, start, row));
  return isWhole ? [...days.values()] : undefined;
}

/** Of everything that is no user, each day read once. Throws TableUnavailable. */
export async function sharedHistory(
  reader: RowReader,
  day: EpochMs,
): Promise<(type: AnomalyScope, id: string) => History> {
  const kinds = new Map<string, { kind: Kind; days: Map<EpochMs, bigint> }>();
  const isWhole = await readDaysBefore(reader, day, 'together', (start, row) => {
    const kind = kindOf(row);
    const key = JSON.stringify(kind);
    const known = kinds.get(key) ?? { kind, days: new Map<EpochMs, bigint>() };
    kinds.set(key, known);
    addTo(known.days, start, row);
  });
  return (type, id) => {
    if (!isWhole) return undefined;
    const sums = new Map<EpochMs, bigint>();
    for (const { kind, days } of kinds.values()) {
      if (scopeIdOf(type, kind) !== id) continue;
      for (const [start, cost] of days) sums.set(start, (sums.get(start) ?? 0n) + cost);
    }
    return [...sums.values()];
  };
}

const addTo = (days: Map<EpochMs, bigint>, start: EpochMs, { tally }: Row): void =>
  void days.set(start, (days.get(start) ?? 0n) + tally.costPicoUsd);

async function readDaysBefore(
  reader: RowReader,
  day: EpochMs,
  whose: { type: 'user'; id: string } | 'together',
  visit: (start: EpochMs, row: Row) => void,
): Promise<boolean> {
  let from = day;
  for (let i = 0; i < DAYS_BEFORE; i += 1) from = dayAt(reader.zone, plus(from, durationMs(-1))).start;
  const reading = { from, to: day, whose, by: 'day', chargesMax: CHARGES_MAX } as const;
  return (await readRows(reader, reading, visit)) >= day;
}

/** What was spent in the day or week before, by person, team, feature and model, and what it comes to. */
import { durationMs, type EpochMs } from '../brands.ts';
import { paceOf, type Pace } from '../caps/pace.ts';
import type { Span } from '../ledger/charges-between.ts';
import { readRows, type RowReader } from '../rollups/read-rows.ts';
import type { Row } from '../rollups/row.ts';
import { callsOf } from '../rollups/tally.ts';
import { DAY, HOUR, periodAt, plus } from '../time.ts';
import { DIGEST_HOUR, type DigestKind } from './digest-kinds.ts';

export interface Digest extends Span {
  kind: DigestKind;
  zone: string;
  costPicoUsd: bigint;
  calls: bigint;
  /** Of the day or week before. */
  costBefore: bigint;
  month: { costPicoUsd: bigint; pace: Pace | undefined; begun: EpochMs };
  /** The dearest first. */
  by: Record<'person' | 'team' | 'feature' | 'model', Share[]>;
}
export interface Share {
  name: string;
  costPicoUsd: bigint;
}

/** The last day, or week from Monday on, that is over. */
export function digestSpan(kind: DigestKind, zone: string, now: EpochMs): Span {
  const calendar = { unit: kind === 'daily' ? 'day' : 'week', timeZone: zone, anchorDay: 1 } as const;
  const { start: to } = periodAt(calendar, now);
  return { from: periodAt(calendar, plus(to, durationMs(-1))).start, to };
}

/** Whether it is late enough to be sent, on a host that has no schedule but a clock. */
export function isDigestHour(zone: string, now: EpochMs): boolean {
  const { start } = periodAt({ unit: 'day', timeZone: zone, anchorDay: 1 }, now);
  return now >= plus(start, durationMs(DIGEST_HOUR * HOUR));
}

/** Throws TableUnavailable. */
export async function readDigest(reader: RowReader, kind: DigestKind, span: Span): Promise<Digest> {
  const { zone } = reader;
  const sums = { person: new Sums(), team: new Sums(), feature: new Sums(), model: new Sums() };
  let [costPicoUsd, calls] = [0n, 0n];
  await readRows(reader, { ...span, ...ALL, whose: 'each' }, (_day, row) => {
    const cost = row.tally.costPicoUsd;
    costPicoUsd += cost;
    calls += callsOf(row.tally);
    sums.person.add(personOf(row), cost);
    sums.team.add(row.team, cost);
    sums.feature.add(`${row.app}/${row.feature}`, cost);
    sums.model.add(row.model, cost);
  });
  const last = plus(span.to, durationMs(-1));
  const month = periodAt({ unit: 'month', timeZone: zone, anchorDay: 1 }, last);
  const before = digestSpan(kind, zone, plus(span.from, durationMs(DAY / 2)));
  const soFar = await costOf(reader, { from: month.start, to: span.to });
  return {
    ...span,
    ...{ kind, zone, costPicoUsd, calls },
    costBefore: await costOf(reader, before),
    month: {
      costPicoUsd: soFar,
      pace: paceOf(soFar, { begun: month.start, ends: month.end }, span.to),
      begun: month.start,
    },
    by: {
      person: sums.person.dearest(),
      team: sums.team.dearest(),
      feature: sums.feature.dearest(),
      model: sums.model.dearest(),
    },
  };
}

/** The days are over, so nearly all of it stands in rows. */
const ALL = { by: 'day', chargesMax: Infinity } as const;

async function costOf(reader: RowReader, span: Span): Promise<bigint> {
  let cost = 0n;
  await readRows(reader, { ...span, ...ALL, whose: 'together' }, (_day, { tally }) => {
    cost += tally.costPicoUsd;
  });
  return cost;
}

const personOf = ({ who, app }: Row): string => (who?.type === 'user' ? who.id : `app ${app}`);

class Sums {
  private readonly sums = new Map<string, bigint>();

  add(name: string, cost: bigint): void {
    this.sums.set(name, (this.sums.get(name) ?? 0n) + cost);
  }
  dearest(): Share[] {
    return [...this.sums]
      .map(([name, costPicoUsd]) => ({ name, costPicoUsd }))
      .filter(({ costPicoUsd }) => costPicoUsd !== 0n)
      .sort((a, b) => {
        if (a.costPicoUsd === b.costPicoUsd) return a.name < b.name ? -1 : 1;
        return a.costPicoUsd < b.costPicoUsd ? 1 : -1;
      });
  }
}

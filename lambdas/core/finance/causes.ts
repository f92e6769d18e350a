/** What the money of a cap's window went on: the dearest few, from the rows. Who, where many share the cap. */
import { durationMs, epochMs, type EpochMs } from '../brands.ts';
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import { readRows, type RowReader } from '../rollups/read-rows.ts';
import { whoText, type Row } from '../rollups/row.ts';
import { callsOf, type Tally } from '../rollups/tally.ts';
import { DAY, HOUR, parseRfc3339, plus } from '../time.ts';

export interface Cause {
  name: string;
  amount: bigint;
}
export interface Causes {
  since: EpochMs;
  /** The dearest first. */
  top: Cause[];
  /** Of which `top` are the first. */
  count: number;
  total: bigint;
}

type Facts = Pick<CapThresholdCrossed, 'at' | 'window' | 'window_key' | 'scope' | 'principal' | 'metric'>;

const TOP = 3;
/** A mail is no report: of more charges without rows, the mail goes without causes. */
const CHARGES_MAX = 20_000;
const LIFETIME_LOOK_BACK = durationMs(31 * DAY);

/** Undefined where nothing is found, or too much to read. Throws TableUnavailable. */
export async function topCauses(reader: RowReader, facts: Facts): Promise<Causes | undefined> {
  const at = parseRfc3339(facts.at)!;
  const from = windowStart(facts, at);
  const to = plus(at, durationMs(1));
  const amounts = new Map<string, bigint>();
  const reading = { from, to, by: 'day', chargesMax: CHARGES_MAX } as const;
  const asOf = await readRows(reader, { ...reading, whose: facts.principal ?? 'each' }, (_day, row) => {
    if (!isOfScope(facts, row)) return;
    const name = nameOf(facts, row);
    amounts.set(name, (amounts.get(name) ?? 0n) + amountOf(facts.metric, row.tally));
  });
  const causes = [...amounts]
    .map(([name, amount]) => ({ name, amount }))
    .filter(({ amount }) => amount > 0n)
    .sort((a, b) => (a.amount === b.amount ? (a.name < b.name ? -1 : 1) : a.amount < b.amount ? 1 : -1));
  if (asOf < to || causes.length === 0) return undefined;
  const total = causes.reduce((sum, { amount }) => sum + amount, 0n);
  return { since: from, top: causes.slice(0, TOP), count: causes.length, total };
}

export function windowStart(
  { window, window_key }: Pick<Facts, 'window' | 'window_key'>,
  at: EpochMs,
): EpochMs {
  if (window === 'lifetime') return plus(at, durationMs(0 - LIFETIME_LOOK_BACK));
  const rolling = /^rolling_(\d+)(h|d)$/.exec(window);
  if (rolling) return plus(at, durationMs(-Number(rolling[1]) * (rolling[2] === 'h' ? HOUR : DAY)));
  return epochMs(Number(window_key) * 1000);
}

function isOfScope({ scope: { type, id } }: Facts, row: Row): boolean {
  switch (type) {
    case 'team':
      return row.team === id;
    case 'app':
      return row.app === id;
    case 'feature':
      return `${row.app}/${row.feature}` === id;
    case 'user_feature':
      return row.feature === id.slice(id.indexOf('/') + 1);
    default:
      return true;
  }
}

const nameOf = ({ principal }: Facts, { who, app, feature, model }: Row): string =>
  principal === null ? personText(whoText(who)) : `${app}/${feature} with ${model}`;

/** People by their names, apps as such. */
const personText = (who: string): string => who.replace(/^user:/, '').replace(/^app:/, 'app ');

function amountOf(metric: Facts['metric'], tally: Tally): bigint {
  switch (metric) {
    case 'usd':
      return tally.costPicoUsd;
    case 'tokens':
      return Object.values(tally.tokens).reduce((sum, count) => sum + count, 0n);
    case 'requests':
      return callsOf(tally);
  }
}

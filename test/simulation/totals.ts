/** What many seeds come to, for people and, in the last line, for programs. */
import type { SeedResult } from './run.ts';

export interface Totals {
  from: number;
  seeds: number;
  violations: number;
  failing: number[];
  counts: Record<string, number>;
}

export const newTotals = (from: number): Totals => ({
  from,
  seeds: 0,
  violations: 0,
  failing: [],
  counts: {},
});

export function addResult(
  totals: Totals,
  { seed, violation, events, faults, audit, mail, webhooks, digests }: SeedResult,
): void {
  totals.seeds += 1;
  if (violation !== undefined) {
    totals.violations += 1;
    totals.failing.push(seed);
  }
  for (const [name, count] of Object.entries({
    events,
    ...faults,
    ...audit,
    ...mail,
    ...webhooks,
    ...digests,
  }))
    totals.counts[name] = (totals.counts[name] ?? 0) + count;
}

export const replayCommand = (seed: number): string => `npm run simulate -- --seeds 1 --from ${seed}`;

/** Contract 6, word for word. */
export function closingLine({ from, seeds, violations, counts }: Totals): string {
  const count = (name: string): number => counts[name] ?? 0;
  return JSON.stringify({
    seeds,
    from,
    calls: count('reserved'),
    lost_answers: count('lostAnswers'),
    kills: count('kills'),
    delayed_writes: count('delayedWrites'),
    denials: count('denials'),
    false_denials: count('falseDenials'),
    violations,
  });
}

const SPOKEN: [name: string, words: string][] = [
  ['reserved', 'calls that got an answer'],
  ['settled', 'settled'],
  ['presumed', '  of these presumed spent'],
  ['overruns', '  of these overruns'],
  ['adjusted', 'corrected by evidence'],
  ['voided', 'holds given back'],
  ['replayed', 'answered with an earlier charge'],
  ['inFlight', 'refused: in flight'],
  ['denials', 'denied by a cap'],
  ['falseDenials', '  of these without a reason'],
  ['undecided', 'told to come back: a shared cap not decided'],
  ['throttles', 'told to come back: too many calls at once'],
  ['unavailable', 'refused: table unavailable'],
  ['slotsFreed', 'slots freed by time'],
  ['stages', 'stages set by the ladder'],
  ['rated', 'held under the rate of a stage'],
  ['mails', 'mails to finance, in the seeds that mail'],
  ['mailedAgain', '  crossings in them that an earlier mail had, whose sender died or heard no answer'],
  ['posts', 'posts to webhooks, in the seeds that have some'],
  ['postsTaken', '  of these taken'],
  ['letters', '  events that came to their dead letters'],
  ['digests', 'digests, in the seeds that mail some'],
  ['digestsAgain', '  of these again, since their sender died or heard no answer'],
  ['digestsMissed', 'digests that could not be mailed within three attempts'],
  ['requests', 'requests to the table'],
  ['lostRequests', 'requests lost'],
  ['lostAnswers', 'answers lost, of writes that were applied'],
  ['delayedWrites', 'writes applied after their caller had given up'],
  ['throttled', 'requests throttled'],
  ['conflicts', 'conflicts'],
  ['kills', 'processes killed'],
  ['events', 'events'],
];

export function tableOf({ seeds, violations, counts }: Totals, seconds: number): string {
  const perMinute = Math.round((seeds / seconds) * 60);
  const lines = SPOKEN.map(([name, words]) => `${String(counts[name] ?? 0).padStart(10)}  ${words}`);
  return [
    `${seeds} seeds in ${seconds.toFixed(1)} s (${perMinute} a minute), ${violations} with a violation`,
    ...lines,
  ].join('\n');
}

/** What a run found, for people and for programs. */
import { printData, printRecord, printTable } from '../../bin/cli/terminal.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { formatUsd } from '../../lambdas/core/money.ts';
import { overshootOf, type CapResult, type Check, type Findings } from './verdict.ts';

export async function printFindings(findings: Findings, checks: readonly Check[]): Promise<void> {
  await printCaps(findings.caps);
  printData('');
  printRecord(recordOf(findings));
  printData('');
  for (const { claim, faults } of checks) {
    printData(`${faults.length === 0 ? 'ok    ' : 'FAILED'}  ${claim}`);
    for (const fault of faults.slice(0, FAULTS_SHOWN_MAX)) printData(`        ${fault}`);
    if (faults.length > FAULTS_SHOWN_MAX) printData(`        and ${faults.length - FAULTS_SHOWN_MAX} more`);
  }
  printData('');
  printData(closingLine(findings));
}

const FAULTS_SHOWN_MAX = 5;

/** All amounts to the same decimals, so that they can be compared at a glance. */
async function printCaps(caps: readonly CapResult[]): Promise<void> {
  const amounts = caps.flatMap(({ limit, provider, settled, reserved }) => [
    ...[limit, provider, settled, reserved],
  ]);
  const decimals = Math.max(...amounts.map((amount) => dollars(amount).split('.')[1]!.length));
  const column = (title: string, of: (cap: CapResult) => bigint) => ({
    title,
    value: (cap: CapResult): string => padded(dollars(of(cap)), decimals),
    align: 'right' as const,
  });
  await printTable(caps, [
    { title: 'cap', value: ({ cap }) => cap },
    column('limit', ({ limit }) => limit),
    column('provider billed', ({ provider }) => provider),
    column('settled', ({ settled }) => settled),
    column('reserved', ({ reserved }) => reserved),
    { title: 'overshoot', value: (cap) => dollars(overshootOf(cap)), align: 'right' },
  ]);
}

const dollars = (amount: bigint): string => `$${formatUsd(picoUsd(amount))}`;
const padded = (text: string, decimals: number): string => text.padEnd(text.indexOf('.') + 1 + decimals, '0');

function recordOf(findings: Findings): [name: string, value: string][] {
  const { caps, calls, admitted, audit, users, usersRefused, longestPauseMs, restartMs, seconds } = findings;
  const denied = byScope(findings, calls.denied);
  const throttled = byScope(findings, calls.throttled);
  const [team] = caps;
  const covered = team!.provider - team!.settled;
  return [
    ['calls', `${calls.sent} sent, ${findings.concurrency} at a time, half of them streams`],
    ['admitted', `${admitted}; ${calls.answered.length} answered in full, ${calls.streams} of them streams`],
    ['denied', `${denied.own} by users' own caps, ${denied.team} by the team's: final, no SDK tries again`],
    [
      'told to wait',
      `${throttled.own} by users' own caps, ${throttled.team} by the team's: calls in flight hold what is left`,
    ],
    ['SIGKILL', `cut off ${calls.cut} calls, ${calls.streamsCut} of them streams that had begun`],
    [
      'still reserved',
      `the worst case of ${audit.open_holds} killed calls, for a day; ${dollars(covered)} were billed for them`,
    ],
    ['longest pause', `${Math.round(longestPauseMs)} ms (the restart took ${Math.round(restartMs)} ms)`],
    ['at the end', `${usersRefused} of ${users} users refused, after ${Math.round(seconds)} s`],
  ];
}

function closingLine({ caps }: Findings): string {
  const [team] = caps;
  const exceeded = caps.filter((result) => overshootOf(result) > 0n);
  const worst = exceeded.reduce(
    (most, result) => (overshootOf(result) > most ? overshootOf(result) : most),
    0n,
  );
  return `overshoot: ${dollars(worst)} (provider billed ${dollars(team!.provider)} of ${dollars(team!.limit)}; ${exceeded.length} of ${caps.length} caps exceeded)`;
}

/** Amounts as decimal strings, as everywhere. */
export function jsonOf(findings: Findings, checks: readonly Check[]): object {
  const { caps, calls, admitted, kills, audit, longestPauseMs, restartMs, seconds } = findings;
  const text = (amount: bigint): string => formatUsd(picoUsd(amount));
  const capOf = (result: CapResult): object => ({
    cap: result.cap,
    limit: text(result.limit),
    provider_billed: text(result.provider),
    settled: text(result.settled),
    reserved: text(result.reserved),
    overshoot: text(overshootOf(result)),
  });
  return {
    caps: caps.map(capOf),
    calls: {
      sent: calls.sent,
      admitted,
      answered: calls.answered.length,
      streams: calls.streams,
      denied: byScope(findings, calls.denied),
      throttled: byScope(findings, calls.throttled),
      killed: calls.cut,
      streams_killed: calls.streamsCut,
    },
    kills,
    users: findings.users,
    users_refused: findings.usersRefused,
    audit,
    longest_pause_ms: Math.round(longestPauseMs),
    restart_ms: Math.round(restartMs),
    seconds: Math.round(seconds),
    checks,
  };
}

function byScope({ caps }: Findings, counts: Record<string, number>): { own: number; team: number } {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const team = counts[caps[0]!.cap] ?? 0;
  return { own: total - team, team };
}

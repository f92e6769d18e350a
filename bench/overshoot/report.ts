/** What a run found, for people and for programs. */
import { printData, printRecord, printTable } from '../../bin/cli/terminal.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { formatUsd } from '../../lambdas/core/money.ts';
import { overshootOf, type CapResult, type Findings } from './verdict.ts';

const dollars = (amount: bigint): string => `$${formatUsd(picoUsd(amount))}`;

export async function printFindings(findings: Findings): Promise<void> {
  const { caps, calls, admitted, audit, users, usersRefused, longestPauseMs, restartMs, seconds } = findings;
  await printTable(caps, [
    { title: 'cap', value: ({ cap }) => cap },
    { title: 'limit', value: ({ limit }) => dollars(limit), align: 'right' },
    { title: 'provider billed', value: ({ provider }) => dollars(provider), align: 'right' },
    { title: 'ledger settled', value: ({ settled }) => dollars(settled), align: 'right' },
    { title: 'ledger reserved', value: ({ reserved }) => dollars(reserved), align: 'right' },
    { title: 'overshoot', value: (result) => dollars(overshootOf(result)), align: 'right' },
  ]);
  printData('');
  const denied = byScope(findings, calls.denied);
  const throttled = byScope(findings, calls.throttled);
  printRecord([
    ['calls sent', calls.sent],
    ['admitted', `${admitted} (${calls.answered} answered in full, ${calls.streams} of them streams)`],
    ['denied', `${denied.own} by own caps, ${denied.team} by the team's`],
    ['throttled', `${throttled.own} by own caps, ${throttled.team} by the team's: others hold what is left`],
    ['killed', `${calls.cut} calls in flight, ${calls.streamsCut} of them streams that had begun`],
    ['still reserved', `for ${audit.open_holds} killed calls, at their worst case, until a day has passed`],
    ['at the end', `${usersRefused} of ${users} users refused`],
    ['longest pause', `${Math.round(longestPauseMs)} ms (the restart took ${Math.round(restartMs)} ms)`],
    ['audit', audit.balanced ? 'balanced' : `${audit.differences.length} differences`],
    ['time', `${Math.round(seconds)} s`],
  ]);
  printData('');
}

export function closingLine({ caps }: Findings): string {
  const [team] = caps;
  const exceeded = caps.filter((result) => overshootOf(result) > 0n);
  const worst = exceeded.reduce(
    (most, result) => (overshootOf(result) > most ? overshootOf(result) : most),
    0n,
  );
  return `overshoot: ${dollars(worst)} (provider billed ${dollars(team!.provider)} of ${dollars(team!.limit)}; ${exceeded.length} caps exceeded)`;
}

/** Amounts as decimal strings, as everywhere. */
export function jsonOf(findings: Findings, faults: readonly string[]): object {
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
      answered: calls.answered,
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
    faults,
  };
}

function byScope({ caps }: Findings, counts: Record<string, number>): { own: number; team: number } {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const team = counts[caps[0]!.cap] ?? 0;
  return { own: total - team, team };
}

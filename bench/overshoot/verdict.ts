/** Whether the run shows what it claims to show. Pure, so that it can be seen to fail. */
import type { Audit, LedgerFigures } from './books.ts';
import type { Ends } from './callers.ts';

export interface CapResult extends LedgerFigures {
  /** What the provider billed for calls under this cap, in picodollars. */
  provider: bigint;
}

export interface Findings {
  /** The team's first. */
  caps: CapResult[];
  calls: Ends;
  /** Requests that reached the provider. */
  admitted: number;
  /** Calls that reached it more than once. */
  repeated: string[];
  kills: number;
  audit: Audit;
  longestPauseMs: number;
  restartMs: number;
  seconds: number;
  users: number;
  /** So many were being refused when it ended: all of them, unless the time was up. */
  usersRefused: number;
}

/** What a run must have spent of the team's cap, in percent, or it has shown nothing. */
export const SPENT_PERCENT_MIN = 70n;

export const overshootOf = ({ provider, limit }: CapResult): bigint =>
  provider > limit ? provider - limit : 0n;

/** Each reason why the run failed; none: the promise held, and was put to the test. */
export function faultsOf({
  caps,
  calls,
  admitted,
  repeated,
  kills,
  audit,
  users,
  usersRefused,
}: Findings): string[] {
  const faults: string[] = [];
  for (const result of caps) {
    const { cap, limit, provider, settled, reserved } = result;
    if (overshootOf(result) > 0n) faults.push(`${cap}: the provider billed more than the limit`);
    if (settled + reserved > limit) faults.push(`${cap}: settled and reserved are more than the limit`);
    if (settled + reserved < provider) faults.push(`${cap}: the provider billed more than the ledger knows`);
    if (settled > provider) faults.push(`${cap}: charged more than the provider billed`);
  }
  if (!audit.balanced || audit.in_motion > 0) faults.push('the books do not balance');
  if (repeated.length > 0) faults.push(`${repeated.length} calls reached the provider twice`);
  const unexpected = calls.unexpected[0];
  if (unexpected !== undefined)
    faults.push(`${calls.unexpected.length} answers that nobody expects, such as ${unexpected}`);
  if (admitted < calls.answered || admitted > calls.answered + calls.cut)
    faults.push(`${admitted} calls reached the provider, but ${calls.answered} were answered`);

  const [team] = caps;
  if (!team || team.provider * 100n < team.limit * SPENT_PERCENT_MIN)
    faults.push(`less than ${SPENT_PERCENT_MIN} % of the team's cap were spent`);
  if (calls.streams === 0) faults.push('no stream was answered');
  if (kills === 0) faults.push('the server was not killed');
  if (calls.cut === 0) faults.push('the kill cut nobody off');
  if (Object.keys(calls.denied).length === 0) faults.push('nobody was denied');
  if (usersRefused < users) faults.push('the time was up before everybody was refused');
  return faults;
}

/** Whether the run shows what it claims to show. Pure, so that it can be seen to fail. */
import type { Audit, Charged, LedgerFigures } from './books.ts';
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
  charges: readonly Charged[];
  /** What the provider billed, in picodollars, by the call's tag. */
  bills: ReadonlyMap<string, bigint>;
  kills: number;
  audit: Audit;
  longestPauseMs: number;
  restartMs: number;
  seconds: number;
  users: number;
  /** Calls at a time. */
  concurrency: number;
  /** So many were being refused when it ended: all of them, unless the time was up. */
  usersRefused: number;
}

/** A claim, and each reason why it does not hold. */
export interface Check {
  claim: string;
  faults: string[];
}

/** What a run must have spent of the team's cap, in percent, or it has shown nothing. */
export const SPENT_PERCENT_MIN = 60n;

export const overshootOf = ({ provider, limit }: CapResult): bigint =>
  provider > limit ? provider - limit : 0n;

/** The promise, claim by claim; the last one is that it was put to the test at all. */
export function checksOf(findings: Findings): Check[] {
  const { caps, audit } = findings;
  const ofCaps = (claim: string, isBroken: (cap: CapResult) => boolean): Check => ({
    claim: `${claim}, for each of ${caps.length} caps`,
    faults: caps.filter(isBroken).map(({ cap }) => cap),
  });
  return [
    ofCaps('provider billed <= limit', (cap) => overshootOf(cap) > 0n),
    ofCaps('settled + reserved <= limit', ({ settled, reserved, limit }) => settled + reserved > limit),
    ofCaps(
      'provider billed <= settled + reserved',
      ({ settled, reserved, provider }) => provider > settled + reserved,
    ),
    { claim: 'no call reached the provider twice', faults: findings.repeated },
    { claim: 'each answered call was charged once, exactly what it cost', faults: chargeFaults(findings) },
    {
      claim: 'the books balance: every account recomputed from charges and holds',
      faults: audit.balanced && audit.in_motion === 0 ? [] : [JSON.stringify(audit)],
    },
    {
      claim: 'and it was put to the test: a kill midway, denials, the cap used up in the end',
      faults: untested(findings),
    },
  ];
}

function chargeFaults({ calls, charges, bills }: Findings): string[] {
  const faults: string[] = [];
  const charged = new Map(charges.map(({ tag, picoUsd }) => [tag, picoUsd]));
  if (charged.size < charges.length) faults.push(`${charges.length} charges of ${charged.size} calls`);
  for (const [tag, picoUsd] of charged)
    if (bills.get(tag) !== picoUsd) faults.push(`${tag}: charged ${picoUsd}, billed ${bills.get(tag)}`);
  const uncharged = calls.answered.filter((tag) => !charged.has(tag));
  return [...faults, ...uncharged.map((tag) => `${tag}: not charged`)];
}

/** A run in which nothing could go wrong proves nothing. */
function untested({ caps, calls, admitted, kills, users, usersRefused }: Findings): string[] {
  const faults = [...calls.unexpected];
  const answered = calls.answered.length;
  if (admitted < answered || admitted > answered + calls.cut)
    faults.push(`${admitted} calls reached the provider, but ${answered} were answered`);
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

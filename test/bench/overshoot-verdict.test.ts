/** The verdict of `npm run overshoot` can be bad: each claim fails when just that is not so. */
import { describe, expect, test } from 'vitest';
import { checksOf, type Findings } from '../../bench/overshoot/verdict.ts';

const GOOD: Findings = {
  caps: [
    { cap: 'team-day', limit: 100n, settled: 70n, reserved: 20n, provider: 80n },
    { cap: 'ann-day', limit: 50n, settled: 40n, reserved: 0n, provider: 40n },
  ],
  calls: {
    sent: 9,
    answered: ['ann.1', 'bob.1'],
    streams: 1,
    denied: { 'ann-day': 1 },
    throttled: {},
    cut: 1,
    streamsCut: 0,
    unexpected: [],
  },
  admitted: 3,
  repeated: [],
  charges: [
    { tag: 'ann.1', user: 'ann', picoUsd: 40n },
    { tag: 'bob.1', user: 'bob', picoUsd: 30n },
  ],
  bills: new Map([
    ['ann.1', 40n],
    ['bob.1', 30n],
    ['bob.2', 10n],
  ]),
  kills: 1,
  audit: { balanced: true, open_holds: 1, in_motion: 0, differences: [] },
  longestPauseMs: 5,
  restartMs: 4,
  seconds: 3,
  users: 2,
  concurrency: 4,
  usersRefused: 2,
};

const [team, ann] = GOOD.caps;
const { calls, audit } = GOOD;
const faultsOf = (findings: Findings): Record<string, string[]> =>
  Object.fromEntries(
    checksOf(findings).flatMap(({ claim, faults }) => (faults.length > 0 ? [[claim, faults]] : [])),
  );

describe('the verdict', () => {
  test('is good where everything holds', () => {
    expect(faultsOf(GOOD)).toEqual({});
    expect(checksOf(GOOD)).toHaveLength(7);
  });

  const BILLED = 'provider billed <= limit, for each of 2 caps';
  const HELD = 'settled + reserved <= limit, for each of 2 caps';
  const KNOWN = 'provider billed <= settled + reserved, for each of 2 caps';
  const CHARGED = 'each answered call was charged once, exactly what it cost';
  const BALANCED = 'the books balance: every account recomputed from charges and holds';
  const TESTED = 'and it was put to the test: a kill midway, denials, the cap used up in the end';

  test.each<[what: string, change: Partial<Findings>, faults: Record<string, string[]>]>([
    [
      'an overshoot that the books know',
      { caps: [team!, { ...ann!, provider: 51n, settled: 51n }] },
      { [BILLED]: ['ann-day'], [HELD]: ['ann-day'] },
    ],
    ['reserved beyond the limit', { caps: [{ ...team!, reserved: 31n }, ann!] }, { [HELD]: ['team-day'] }],
    ['a bill that no book knows', { caps: [{ ...team!, reserved: 9n }, ann!] }, { [KNOWN]: ['team-day'] }],
    ['a call sent twice', { repeated: ['ann.1'] }, { 'no call reached the provider twice': ['ann.1'] }],
    [
      'a call charged twice',
      { charges: [...GOOD.charges, GOOD.charges[0]!] },
      { [CHARGED]: ['3 charges of 2 calls'] },
    ],
    [
      'a call charged a little more than it cost',
      { bills: new Map([...GOOD.bills, ['bob.1', 29n]]) },
      { [CHARGED]: ['bob.1: charged 30, billed 29'] },
    ],
    [
      'an answered call that nobody is charged for',
      { charges: GOOD.charges.slice(0, 1) },
      { [CHARGED]: ['bob.1: not charged'] },
    ],
    ['books in motion', { audit: { ...audit, in_motion: 1 } }, { [BALANCED]: [expect.any(String)] }],
    ['books that differ', { audit: { ...audit, balanced: false } }, { [BALANCED]: [expect.any(String)] }],
    [
      'an answer that nobody expects',
      { calls: { ...calls, unexpected: ['503 no'] } },
      { [TESTED]: ['503 no'] },
    ],
    ['nobody denied', { calls: { ...calls, denied: {} } }, { [TESTED]: ['nobody was denied'] }],
    ['no kill', { kills: 0 }, { [TESTED]: ['the server was not killed'] }],
    [
      'a kill that hit nobody',
      { admitted: 2, calls: { ...calls, cut: 0 } },
      { [TESTED]: ['the kill cut nobody off'] },
    ],
    ['no stream', { calls: { ...calls, streams: 0 } }, { [TESTED]: ['no stream was answered'] }],
    ['money left', { usersRefused: 1 }, { [TESTED]: ['the time was up before everybody was refused'] }],
    [
      'little spent',
      { caps: [{ ...team!, settled: 50n, reserved: 9n, provider: 59n }, ann!] },
      { [TESTED]: ["less than 60 % of the team's cap were spent"] },
    ],
    [
      'a call that reached the provider and nobody waited for',
      { admitted: 4 },
      { [TESTED]: ['4 calls reached the provider, but 2 were answered'] },
    ],
  ])('is bad after %s', (_what, change, faults) => {
    expect(faultsOf({ ...GOOD, ...change })).toEqual(faults);
  });
});

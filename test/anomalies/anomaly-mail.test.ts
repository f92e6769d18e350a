/** Mails of unusual days, as finance reads them. */
import { expect, test } from 'vitest';
import { anomalyMail } from '../../lambdas/core/anomalies/anomaly-mail.ts';
import type { AnomalyDetected } from '../../lambdas/core/events/anomaly-detected.ts';

const ALICE: AnomalyDetected = {
  id: 'a'.repeat(64),
  version: 1,
  scope: { type: 'user', id: 'alice' },
  ...{ day: '2026-11-24', time_zone: 'UTC', from: '2026-11-24T00:00:00Z' },
  ...{ until: '2026-11-24T11:00:00Z', at: '2026-11-24T11:20:00Z' },
  ...{ spent_usd: '84.2094', requests: 412, usual_usd: '12.10' },
  ...{ dearest_usd: '21.40', days: 19, unusual_from_usd: '42.80' },
  causes: [
    ...[
      { feature: 'summarise', model: 'gpt-5', cost_usd: '80.00' },
      { feature: 'chat', model: 'gpt-5', cost_usd: '3.20' },
      { feature: 'chat', model: 'gpt-5-mini', cost_usd: '0.80' },
    ].map((cause) => ({ user: 'alice', team: 'growth', app: 'web', ...cause })),
  ],
};
const other = (type: AnomalyDetected['scope']['type'], id: string, more: Partial<AnomalyDetected> = {}) => ({
  ...ALICE,
  scope: { type, id },
  ...more,
});

test('a mail says who, what is usual, what was seen, what it went on and what can be done', () => {
  expect(anomalyMail([ALICE], undefined)).toEqual({
    id: ALICE.id,
    subject: 'Spendcap: alice spent $84.20 on 2026-11-24, usually $12.10',
    text: `alice spent $84.20 on 2026-11-24. A usual day comes to $12.10.

Spent     $84.20 in 412 calls until 2026-11-24 11:00 UTC, 6.9 times the usual
Usual     $12.10, the median of the 19 days with spending in the 28 days before
Dearest   $21.40, on one of those days
Unusual   from $42.80 on, by the rule of your policy

What it went on
  web/summarise with gpt-5                 $80.00 (95%)
  web/chat with gpt-5                      $3.20 (4%)
  web/chat with gpt-5-mini                 $0.80 (1%)
  everything else                          $0.2094 (less than 1%)

What happens next
Nothing by itself: caps hold as they are, and calls go on as long as they fit into them. If it is meant to be, nobody has to act; no other mail comes of it for this day, whatever is spent.
If it is not meant to be, limit the day: spendcap cap set user:alice --daily AMOUNT (see its --help).

See more: spendcap report spend --user alice --by feature,model --from 2026-11-24

Event ${ALICE.id}
`,
  });
});

test.each([
  ['team', 'growth', 'Team growth spent', '--team growth --by user,feature', 'cap set team:growth '],
  ['app', 'web', 'App web spent', '--app web --by user,feature', 'cap set app:web '],
  [
    'feature',
    'web/chat',
    'Feature web/chat spent',
    '--app web --feature chat --by user,model',
    'set feature:web/chat ',
  ],
  ['org', 'org', 'The organisation spent', '--by team,user', 'cap set org '],
] as const)('that of a %s says who in it, and names its own commands', (type, id, begin, report, cap) => {
  const causes = [{ ...ALICE.causes[0]!, user: null }, ALICE.causes[1]!];
  const { text } = anomalyMail([other(type, id, { causes })], undefined);
  expect(text.startsWith(begin)).toBe(true);
  expect(text).toContain(`See more: spendcap report spend ${report} --from 2026-11-24\n`);
  expect(text).toContain(cap);
  expect(text).toContain(
    '\n  app web: web/summarise with gpt-5        $80.00 (95%)\n  alice: web/chat with gpt-5  ',
  );
});

test('the link is that of the policy where it has one', () => {
  const { text } = anomalyMail([ALICE], 'https://finance.example.com/llm');
  expect(text).toContain('\nSee more: https://finance.example.com/llm\n');
});

test('the command counts from the instant at which the day began, since days are those of UTC there', () => {
  const event = other('user', 'x', { from: '2026-11-23T23:00:00Z', time_zone: 'Europe/Berlin' });
  for (const mail of [anomalyMail([event], undefined), anomalyMail([event, event], undefined)])
    expect(mail.text).toContain(' --from 2026-11-23T23:00:00Z\n');
});

test('several at once are one mail, the dearest first', () => {
  const growth = other('team', 'growth', { spent_usd: '9.50', day: '2026-11-23' });
  const people = Array.from({ length: 10 }, (_, i) =>
    other('user', `person-${i}`, { spent_usd: `${20 + i}.00` }),
  );
  const { id, subject, text } = anomalyMail([growth, ...people, ALICE], undefined);
  expect(id).toBe(`${ALICE.id}+12`);
  expect(subject).toBe('Spendcap: alice and 11 more spent far more than usual');
  expect(text).toContain(`12 spent far more in a day than usual:

  alice                                    $84.20 on 2026-11-24, usually $12.10
  person-9                                 $29.00 on 2026-11-24, usually $12.10
`);
  expect(text).toContain('\n  and 2 more\n\nWhat happens next\n');
  expect(anomalyMail([growth, ALICE], undefined).text).toContain(
    '\n  team growth                              $9.50 on 2026-11-23, usually $12.10\n\n',
  );
});

test.each([
  [
    'a long name',
    other('feature', `web/${'ä'.repeat(100)}`, { spent_usd: '99999999.99', usual_usd: '33333333.33' }),
  ],
  ['hardly any usual spending', other('user', 'x', { usual_usd: '0.000000000001', spent_usd: '20.01' })],
])('the subject fits with %s', (_what, event) => {
  for (const mail of [anomalyMail([event], undefined), anomalyMail([event, ALICE], undefined)])
    expect(mail.subject).toMatch(/^[\x20-\x7e]{1,99}$/);
  expect(anomalyMail([event], undefined).text).not.toContain('undefined');
});

test('what is usual and next to nothing is said so, and the share does not run away', () => {
  const { text } = anomalyMail([other('user', 'x', { usual_usd: '0.000000000001' })], undefined);
  expect(text).toContain('A usual day comes to less than $0.0001.');
  expect(text).toContain('over 999 times the usual');
});

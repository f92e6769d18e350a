/** Digests: what was spent in the day or week before, once each, and none of nothing. */
import { describe, expect, test } from 'vitest';
import { DigestDesk } from '../../lambdas/core/finance/digest-desk.ts';
import { digestSpan, isDigestHour } from '../../lambdas/core/finance/digest.ts';
import { DIGESTS } from '../../lambdas/core/finance/digest-kinds.ts';
import { FinanceDesk } from '../../lambdas/core/finance/finance-desk.ts';
import type { FinanceMail, Mail } from '../../lambdas/core/ports.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { DAY, toRfc3339 } from '../../lambdas/core/time.ts';
import { chargedWorld, instant } from '../rollups/charged-world.ts';
import { crossedBy } from './crossed.ts';

const USD = 10n ** 12n;

function deskOf({ kinds = DIGESTS, zone }: { kinds?: typeof DIGESTS | []; zone?: string } = {}) {
  const reader = chargedWorld(zone);
  const mails: Mail[] = [];
  const mail: FinanceMail = { send: async (some) => void mails.push(some) };
  const desk = new FinanceDesk({ reader, mail, moreUrl: undefined, report: () => undefined });
  const digests = new DigestDesk({ reader, mail, kinds, notes: desk.notes, org: 'Acme', moreUrl: undefined });
  return { reader, mails, mail, desk, digests };
}

test('of a day says how much, against the day before, by whom and for what, and where the month goes', async () => {
  const { reader, mails, desk, digests } = deskOf();
  await reader.spend({ at: '2026-11-23T10:00:00Z', cost: 10n * USD });
  await reader.spend({ at: '2026-11-24T10:00:00Z', cost: 8n * USD, feature: 'summarise', model: 'gpt-5' });
  await reader.spend({ at: '2026-11-24T11:00:00Z', cost: 3n * USD, user: 'bob', team: 'core' });
  await reader.spend({ at: '2026-11-24T23:59:59Z', cost: 1n * USD, user: null });
  await reader.spend({ at: '2026-11-25T00:00:00Z', cost: 500n * USD });
  await desk.tell(await crossedBy('ann', '16'));
  mails.splice(0);
  reader.at('2026-11-25T08:00:00Z');
  await rollUp(reader);
  expect(await digests.send('daily')).toBe('mailed');
  expect(mails).toEqual([
    {
      id: 'daily#2026-11-24',
      subject: 'Spendcap: $12.00 spent on 2026-11-24',
      text: `Acme spent $12.00 on 2026-11-24 in 3 calls, 20% more than the day before ($10.00).

Month 2026-11: $22.00 so far, at this pace about $27.50 by its end.

By person
  alice                                    $8.00 (67%)
  bob                                      $3.00 (25%)
  app web                                  $1.00 (8%)

By team
  growth                                   $9.00 (75%)
  core                                     $3.00 (25%)

By app and feature
  web/summarise                            $8.00 (67%)
  web/default                              $4.00 (33%)

By model
  gpt-5                                    $8.00 (67%)
  m                                        $4.00 (33%)

Caps that reached a threshold
  ann has used 80% of month (warning at 80%)

What happens next
Nothing by itself: caps hold as they are. The next of these mails comes in the morning after a day on which something is spent.

See more: spendcap report spend --by team,user --from 2026-11-24 --to 2026-11-25
`,
    },
  ]);
});

test('of a week is of Monday to Sunday, names the five dearest and counts the rest', async () => {
  const { reader, mails, digests } = deskOf();
  reader.at('2026-11-30T08:00:00Z');
  for (let i = 1; i <= 7; i += 1)
    await reader.spend({ at: '2026-11-29T10:00:00Z', cost: BigInt(i) * USD, user: `person-${i}` });
  expect(await digests.send('weekly')).toBe('mailed');
  expect(mails[0]!.subject).toBe('Spendcap: $28.00 spent from 2026-11-23 to 2026-11-29');
  expect(mails[0]!.text).toContain('in 7 calls, after nothing the week before.');
  expect(mails[0]!.text).toContain('\n  person-3                                 $3.00 (11%)\n  2 more ');
});

test('names the sixth where there is none to count beside it', async () => {
  const { reader, mails, digests } = deskOf();
  for (let i = 1; i <= 6; i += 1)
    await reader.spend({ at: '2026-11-23T10:00:00Z', cost: BigInt(i) * USD, user: `person-${i}` });
  await digests.send('daily');
  expect(mails[0]!.text).toContain('\n  person-1                                 $1.00 (5%)\n\nBy team\n');
});

test('says parts in whole cents whose sum is the total, and finer only where there is no dollar', async () => {
  const { reader, mails, digests } = deskOf();
  const spend = (day: number, user: string, cost: bigint) =>
    reader.spend({ at: `2026-11-${day}T10:00:00Z`, cost: (cost * USD) / 10_000n, user });
  await spend(22, 'a', 1234n);
  await spend(23, 'a', 45_006n);
  await spend(23, 'b', 7256n);
  await spend(23, 'c', 1n);
  reader.at('2026-11-23T08:00:00Z');
  await digests.send('daily');
  reader.at('2026-11-24T08:00:00Z');
  await digests.send('daily');
  const [small, large] = mails.map(({ text }) => text) as [string, string];
  expect(small).toContain('Acme spent $0.1234 on 2026-11-22');
  expect(small).toContain('\n  a                                        $0.1234 (100%)\n');
  expect(large).toContain(', 4135% more than the day before ($0.1234).');
  expect(large).toContain('Acme spent $5.23 ');
  expect(large).toContain(`
  a                                        $4.50 (86%)
  b                                        $0.73 (14%)
  c                                        less than $0.01 (less than 1%)
`);
});

test('names a command that shows the same days, which are those of UTC there', async () => {
  const { reader, mails, digests } = deskOf({ zone: 'Europe/Berlin' });
  await reader.spend({ at: '2026-11-22T23:30:00Z', cost: USD });
  await digests.send('daily');
  expect(mails[0]!.subject).toBe('Spendcap: $1.00 spent on 2026-11-23');
  expect(mails[0]!.text).toContain(
    'spendcap report spend --by team,user --from 2026-11-22T23:00:00Z --to 2026-11-23T23:00:00Z\n',
  );
});

test('is mailed once, also where the schedule asks twice', async () => {
  const { reader, mails, digests } = deskOf();
  await reader.spend({ at: '2026-11-23T10:00:00Z', cost: USD });
  expect(await digests.send('daily')).toBe('mailed');
  expect(await digests.send('daily')).toBe('was_mailed');
  expect(mails).toHaveLength(1);
});

test('leaves a mark that is removed when no schedule asks for that time any more', async () => {
  const { reader, digests } = deskOf();
  await reader.spend({ at: '2026-11-23T10:00:00Z', cost: USD });
  await digests.send('daily');
  const mark = await reader.table.get({ pk: 'M#DIGEST', sk: 'daily#2026-11-23' });
  expect(mark!['ttl'], 'sixty days after the day').toBe(
    BigInt(instant('2026-11-24T00:00:00Z') + 60 * DAY) / 1000n,
  );
});

test('is mailed once, also where the schedule asks twice at once', async () => {
  const { reader, mails, digests } = deskOf();
  await reader.spend({ at: '2026-11-23T10:00:00Z', cost: USD });
  const both = await Promise.allSettled([digests.send('daily'), digests.send('daily')]);
  expect(both).toEqual([
    { status: 'fulfilled', value: 'mailed' },
    { status: 'rejected', reason: new Error('another process is mailing the digest daily#2026-11-23') },
  ]);
  expect(mails).toHaveLength(1);
});

test('is asked for again where the mail was not taken', async () => {
  const { reader, mail, mails, digests } = deskOf();
  await reader.spend({ at: '2026-11-23T10:00:00Z', cost: USD });
  const send = mail.send.bind(mail);
  mail.send = async () => {
    throw new Error('the topic is away');
  };
  await expect(digests.send('daily')).rejects.toThrow('the topic is away');
  mail.send = send;
  expect(await digests.send('daily')).toBe('mailed');
  expect(mails).toHaveLength(1);
});

test('there is none of a time in which nothing happened, and none that the policy does not want', async () => {
  const { mails, digests } = deskOf();
  expect(await digests.send('daily')).toBe('nothing');
  expect(await deskOf({ kinds: [] }).digests.send('weekly')).toBe('not_wanted');
  expect(mails).toEqual([]);
});

describe('the span', () => {
  const textOf = (kind: 'daily' | 'weekly', zone: string, now: string): string[] => {
    const { from, to } = digestSpan(kind, zone, instant(now));
    return [toRfc3339(from), toRfc3339(to)];
  };
  test.each([
    ['a day', 'daily', 'UTC', '2026-11-24T08:00:00Z', '2026-11-23T00:00:00Z', '2026-11-24T00:00:00Z'],
    [
      'a day of 25 hours',
      'daily',
      'Europe/Berlin',
      '2026-10-26T07:00:00Z',
      '2026-10-24T22:00:00Z',
      '2026-10-25T23:00:00Z',
    ],
    ['a week', 'weekly', 'UTC', '2026-11-30T08:00:00Z', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
    [
      'a week, asked for on a Thursday',
      'weekly',
      'UTC',
      '2026-11-26T08:00:00Z',
      '2026-11-16T00:00:00Z',
      '2026-11-23T00:00:00Z',
    ],
  ] as const)('of %s', (_what, kind, zone, now, from, to) => {
    expect(textOf(kind, zone, now)).toEqual([from, to]);
  });

  test('begins to be told at eight, by the clock of the organisation', () => {
    expect(isDigestHour('Asia/Tokyo', instant('2026-11-24T22:59:59Z'))).toBe(false);
    expect(isDigestHour('Asia/Tokyo', instant('2026-11-24T23:00:00Z'))).toBe(true);
  });
});

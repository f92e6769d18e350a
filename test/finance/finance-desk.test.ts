/** Crossings become mails: the first few at once, the others gathered, each once. */
import { expect, test, vi } from 'vitest';
import { TableUnavailable, type FinanceMail, type Mail } from '../../lambdas/core/ports.ts';
import { FinanceDesk } from '../../lambdas/core/finance/finance-desk.ts';
import { LIFE_MAX } from '../../lambdas/core/finance/one-at-a-time.ts';
import { MINUTE } from '../../lambdas/core/time.ts';
import { chargedWorld, type ChargedWorld } from '../rollups/charged-world.ts';
import { crossedBy, crossedByTeam } from './crossed.ts';

function deskOf(reader: ChargedWorld = chargedWorld(), moreUrl?: string) {
  const mails: Mail[] = [];
  const reported: string[] = [];
  const mail: FinanceMail = { send: async (some) => void mails.push(some) };
  const desk = new FinanceDesk({ reader, mail, moreUrl, report: (reason) => void reported.push(reason) });
  const subjects = () => mails.splice(0).map(({ subject }) => subject);
  const nextRound = async () => {
    reader.clock.advance(LIFE_MAX);
    return desk.mailWaiting();
  };
  return { desk, mail, mails, reported, subjects, nextRound, reader };
}

const people = (count: number): string[] => Array.from({ length: count }, (_, i) => `person-${10 + i}`);

test('one crossing is mailed at once, with what the money went on', async () => {
  const { desk, mails, reader } = deskOf();
  const spend = (cost: bigint, feature: string, model: string) =>
    reader.spend({ at: '2026-11-24T11:00:00Z', cost: cost * 10n ** 12n, user: 'ann', feature, model });
  await spend(9n, 'summarise', 'gpt-5');
  await spend(4n, 'chat', 'gpt-5');
  await spend(2n, 'chat', 'gpt-5-mini');
  await spend(1n, 'search', 'gpt-5-mini');
  await reader.spend({ at: '2026-11-24T11:00:00Z', cost: 10n ** 15n, user: 'bob' });
  const event = await crossedBy('ann', '16');
  expect(await desk.tell(event)).toBe('mailed');
  expect(mails).toEqual([{ id: event.id, subject: event.mail.subject, text: mails[0]!.text }]);
  expect(mails[0]!.text).toContain(`
Noticed   2026-11-24 12:00 UTC

What it went on, since 2026-11-01 00:00 UTC
  web/summarise with gpt-5                 $9.00 (56%)
  web/chat with gpt-5                      $4.00 (25%)
  web/chat with gpt-5-mini                 $2.00 (13%)
  1 more                                   $1.00 (6%)

What happens next
`);
  expect(mails[0]!.text).toContain(
    `\n\nSee more: spendcap report spend --user ann --by feature,model --from 2026-11-01\n\nEvent ${event.id}\n`,
  );
});

test('its command counts from the instant at which the window began', async () => {
  const { desk, mails } = deskOf();
  const inBerlin = String(Date.parse('2026-10-31T23:00:00Z') / 1000);
  await desk.tell({ ...(await crossedBy('ann', '16')), window_key: inBerlin });
  expect(mails[0]!.text).toContain(' --by feature,model --from 2026-10-31T23:00:00Z\n');
});

test('of a shared cap it says who used most, and has the link that the policy names', async () => {
  const { desk, mails, reader } = deskOf(chargedWorld(), 'https://finance.example.com/llm');
  const at = '2026-11-20T11:00:00Z';
  await reader.spend({ at, cost: 300n * 10n ** 12n, user: 'ann' });
  await reader.spend({ at, cost: 100n * 10n ** 12n, user: null });
  await reader.spend({ at, cost: 900n * 10n ** 12n, user: 'ann', team: 'core' });
  await desk.tell(await crossedByTeam('400'));
  expect(mails[0]!.text).toContain(`
Who used most, since 2026-11-01 00:00 UTC
  ann                                      $300.00 (75%)
  app web                                  $100.00 (25%)
`);
  expect(mails[0]!.text).toContain('\n\nSee more: https://finance.example.com/llm\n\nEvent ');
});

test('a repeat is not mailed again, neither at once nor in a round', async () => {
  const { desk, subjects, nextRound } = deskOf();
  const event = await crossedBy('ann', '16');
  expect(await desk.tell(event)).toBe('mailed');
  expect(await desk.tell(event)).toBe('was_mailed');
  expect(await nextRound()).toBe(0);
  expect(subjects()).toHaveLength(1);
});

test('nor is one that is told again as of another instant, alone or while it waits', async () => {
  const { desk, mails, nextRound } = deskOf();
  const again = async (user: string) => ({ ...(await crossedBy(user, '16')), at: '2026-11-28T09:00:00Z' });
  expect(await desk.tell(await crossedBy('ann', '16'))).toBe('mailed');
  expect(await desk.tell(await again('ann'))).toBe('was_mailed');
  for (const user of people(5)) await desk.tell(await crossedBy(user, '16'));
  const last = people(5).at(-1)!;
  expect(await desk.tell(await again(last))).toBe('waits');
  expect(await nextRound()).toBe(1);
  expect(mails).toHaveLength(6);
  expect(await nextRound()).toBe(0);
});

test('what was mailed is noted until nobody tells it again, for a lifetime for good', async () => {
  const { desk, reader } = deskOf();
  const event = await crossedBy('ann', '16');
  await desk.tell(event);
  await desk.tell({ ...event, id: 'f'.repeat(64), resets_at: null });
  const ends = Date.UTC(2026, 11, 1);
  expect(await reader.table.get({ pk: `M#SENT#${event.id}`, sk: '-' })).toMatchObject({
    ttl: BigInt(ends / 1000 + 60 * 86_400),
  });
  const forGood = await reader.table.get({ pk: `M#SENT#${'f'.repeat(64)}`, sk: '-' });
  expect(forGood).toMatchObject({ subject: event.mail.subject });
  expect(forGood).not.toHaveProperty('ttl');
});

test('a round leaves alone what is being mailed, however long that takes', async () => {
  const { desk, mail, mails, nextRound } = deskOf();
  let [begun, go] = [(): void => undefined, (): void => undefined];
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const isThrough = new Promise<void>((resolve) => (go = resolve));
  const send = mail.send.bind(mail);
  vi.spyOn(mail, 'send').mockImplementation((some) => {
    begun();
    return isThrough.then(() => send(some));
  });
  const told = desk.tell(await crossedBy('ann', '16'));
  await isBegun;
  expect(await nextRound()).toBe(0);
  go();
  expect(await told).toBe('mailed');
  expect(await nextRound()).toBe(0);
  expect(mails).toHaveLength(1);
});

test('whoever is told while another is at it leaves it to that one, or to a round', async () => {
  const { desk, subjects, nextRound } = deskOf();
  const event = await crossedBy('ann', '16');
  expect(await Promise.all([desk.tell(event), desk.tell(event)])).toEqual(['mailed', 'waits']);
  expect(await nextRound()).toBe(0);
  expect(subjects()).toHaveLength(1);
});

test('what somebody noted and did not mail is mailed by a round, once it can no longer be mailed at once', async () => {
  const { desk, mails, nextRound } = deskOf();
  const event = await crossedBy('ann', '16');
  await desk.notes.note(event);
  expect(await desk.tell(event)).toBe('waits');
  expect(await desk.mailWaiting()).toBe(0);
  expect(await nextRound()).toBe(1);
  expect(mails.map(({ id }) => id)).toEqual([event.id]);
});

test('two rounds at once mail what waits once', async () => {
  const { desk, subjects, nextRound } = deskOf();
  await desk.notes.note(await crossedBy('ann', '16'));
  await nextRound();
  await desk.notes.note(await crossedBy('bob', '16'));
  expect((await Promise.all([nextRound(), desk.mailWaiting()])).sort()).toEqual([0, 1]);
  expect(subjects()).toHaveLength(2);
});

test('a round that died holds up the next ones for as long as a function lives', async () => {
  const { desk, mail, nextRound } = deskOf();
  const send = mail.send.bind(mail);
  mail.send = () => new Promise(() => undefined);
  await desk.notes.note(await crossedBy('ann', '16'));
  void nextRound();
  expect(await desk.mailWaiting()).toBe(0);
  mail.send = send;
  expect(await nextRound(), 'to the very end').toBe(0);
  expect(await nextRound()).toBe(1);
});

test('of forty people who cross at once five are mailed alone, the others in one mail', async () => {
  const { desk, mails, subjects, nextRound } = deskOf();
  for (const user of people(40)) await desk.tell(await crossedBy(user, '16'));
  expect(subjects()).toHaveLength(5);
  expect(await desk.mailWaiting(), 'not yet: they may still be on their way').toBe(0);
  expect(await nextRound()).toBe(1);
  expect(mails).toHaveLength(1);
  const [{ subject, text }] = mails as [Mail];
  expect(subject).toBe('Spendcap: 35 people reached the 80% warning of month');
  expect(text).toContain(
    '35 people have reached the 80% warning of the cap "month" ($20.00 a month each) within a few minutes.\n\n' +
      '  person-15                        $16.00 of $20.00\n',
  );
  expect(text).toContain('\n  and 25 more\n\nWhat happens next\nTheir calls go on');
  expect(await nextRound()).toBe(0);
});

test('those who used most are named first', async () => {
  const { desk, mails, nextRound } = deskOf(chargedWorld(), 'https://finance.example.com/llm');
  for (const user of people(5)) await desk.tell(await crossedBy(user, '16'));
  for (const [i, user] of ['ann', 'bob', 'cleo'].entries())
    await desk.tell(await crossedBy(user, `${16 + i}`));
  mails.splice(0);
  await nextRound();
  expect(mails[0]!.text.match(/^ {2}(\w+)/gm)).toEqual(['  cleo', '  bob', '  ann']);
  expect(mails[0]!.text).toContain('\nSee more: https://finance.example.com/llm\n');
});

test('of many caps at once the largest groups have mails, the rest one together', async () => {
  const { desk, mails, subjects, nextRound } = deskOf();
  for (const user of people(5)) await desk.tell(await crossedBy(user, '16'));
  subjects();
  for (const user of people(8)) {
    const own = { scope: { type: 'user', id: user } } as const;
    await desk.tell({ ...(await crossedBy(user, '20', own)), cap: `${user}-month` });
  }
  for (const user of ['ann', 'bob']) await desk.tell(await crossedBy(user, '16.5'));
  expect(await nextRound()).toBe(5);
  const last = mails.at(-1)!;
  expect(subjects()).toEqual([
    'Spendcap: 2 people reached the 80% warning of month',
    ...people(3).map((user) => `Spendcap: ${user} is blocked, 100% of month used`),
    'Spendcap: 5 thresholds of 5 caps reached',
  ]);
  expect(last.text).toContain('New calls under the 5 blocked are refused');
  expect(last.text).toContain('\n  person-13 is blocked, 100% of month used\n');
});

test('what a mail server refuses waits for the next round, alone as it was', async () => {
  const { desk, mail, mails, reported, nextRound } = deskOf();
  const send = mail.send.bind(mail);
  mail.send = async () => {
    throw new Error('the topic is away');
  };
  const event = await crossedBy('ann', '16');
  expect(await desk.tell(event)).toBe('waits');
  expect(reported).toEqual(['Error: the topic is away']);
  await expect(nextRound()).rejects.toThrow('the topic is away');
  mail.send = send;
  expect(await nextRound()).toBe(1);
  expect(mails.map(({ subject }) => subject)).toEqual([event.mail.subject]);
});

test('a mail whose note of having been sent was cut off is not sent again', async () => {
  const { desk, mails, nextRound, reader } = deskOf();
  const event = await crossedBy('ann', '16');
  await desk.tell(event);
  await desk.notes.note(event);
  mails.splice(0);
  expect(await nextRound()).toBe(0);
  expect(mails).toEqual([]);
  expect((await reader.table.query({ partition: 'M#WAIT' })).items).toEqual([]);
});

test('a mail goes without its causes where they cannot be read', async () => {
  const { desk, mails, reported, reader } = deskOf();
  const query = reader.table.query.bind(reader.table);
  vi.spyOn(reader.table, 'query').mockImplementation(async (asked) => {
    if (asked.index === 'byTime') throw new TableUnavailable('the index is away');
    return query(asked);
  });
  expect(await desk.tell(await crossedBy('ann', '16'))).toBe('mailed');
  expect(mails[0]!.text).not.toContain('What it went on');
  expect(reported).toEqual(['TableUnavailable: the index is away']);
});

test('where nothing can be noted, nothing is told, and the ladder tries again', async () => {
  const { desk, mails, reader } = deskOf();
  vi.spyOn(reader.table, 'put').mockResolvedValue({ kind: 'unavailable', unanswered: 0, reason: 'away' });
  await expect(desk.tell(await crossedBy('ann', '16'))).rejects.toThrow(TableUnavailable);
  expect(mails).toEqual([]);
});

test('the turns of a minute are counted, and begin anew with the next', async () => {
  const { desk, reader } = deskOf();
  expect(await desk.notes.takeTurn()).toBe(1n);
  expect(await desk.notes.takeTurn()).toBe(2n);
  reader.clock.advance(MINUTE);
  expect(await desk.notes.takeTurn()).toBe(1n);
});

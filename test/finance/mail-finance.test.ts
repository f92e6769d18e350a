/** What the function takes from the ladder and from its schedule, and nothing else. */
import { expect, test } from 'vitest';
import { DigestDesk } from '../../lambdas/core/finance/digest-desk.ts';
import { FinanceDesk } from '../../lambdas/core/finance/finance-desk.ts';
import type { Mail } from '../../lambdas/core/ports.ts';
import { createMailFinance } from '../../lambdas/mail-finance/mail-finance.ts';
import { chargedWorld } from '../rollups/charged-world.ts';
import { crossedBy } from './crossed.ts';

const mails: Mail[] = [];
const shared = {
  reader: chargedWorld(),
  mail: { send: async (mail: Mail) => void mails.push(mail) },
  moreUrl: undefined,
};
const desk = new FinanceDesk({ ...shared, report: () => undefined });
const mailFinance = createMailFinance(
  desk,
  new DigestDesk({ ...shared, notes: desk.notes, org: 'Acme', kinds: ['daily'] }),
);

test('tells of a crossing, once', async () => {
  const event = await crossedBy('ann', '16');
  expect(await mailFinance({ action: 'tell', event })).toEqual({ told: 'mailed' });
  expect(await mailFinance({ action: 'tell', event })).toEqual({ told: 'was_mailed' });
  expect(mails).toHaveLength(1);
});

test('mails what waits when the schedule asks', async () => {
  expect(await mailFinance({ action: 'mail_waiting' })).toEqual({ mails: 0 });
});

test('makes the digest that the schedule asks for', async () => {
  expect(await mailFinance({ action: 'digest', kind: 'daily' })).toEqual({ digest: 'nothing' });
  expect(await mailFinance({ action: 'digest', kind: 'weekly' })).toEqual({ digest: 'not_wanted' });
});

test.each([
  ['nothing', undefined],
  ['another action', { action: 'set_stage' }],
  ['a crossing that is none', { action: 'tell', event: { id: 'x' } }],
])('refuses %s', async (_what, input) => {
  await expect(mailFinance(input)).rejects.toThrow('Invalid');
});

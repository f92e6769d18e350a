/** `POST /admin/v1/reconciliations`: what it takes, what it refuses, and that finance hears once of each difference. */
import { describe, expect, it } from 'vitest';
import { createAdminApp } from '../../lambdas/admin/app.ts';
import type { ReconciledBill } from '../../lambdas/admin/reconciliations.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import type { FinanceMail } from '../../lambdas/core/ports.ts';
import { noDeadLetters } from '../support/no-dead-letters.ts';
import { noWebhooks } from '../support/no-webhooks.ts';
import { testDesk } from '../support/grant-desk.ts';
import { testOffice } from '../support/price-office.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { ledgerOver, ManualClock } from '../support/worlds.ts';

function world(given?: FinanceMail) {
  const clock = new ManualClock();
  const { table, ledger, ids } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const directory = new Directory({ table, clock });
  const { grants } = testDesk({ table, ledger, directory, clock });
  const { office, mail, mails } = testOffice({ table, clock, ids });
  const bills: ReconciledBill[] = [];
  const app = createAdminApp(
    {
      ...{ directory, ledger, table, clock, ids, office, grants, deadLetters: noDeadLetters },
      testWebhook: noWebhooks,
      ...{ mail: given ?? mail, ladders: ['default'], keyEnvironment: 'test', org: parsePolicy({}).org },
    },
    {
      adminOf: async () => ({ name: 'ann', keyId: undefined }),
      report: () => undefined,
      reconciled: (bill) => void bills.push(bill),
    },
  );
  const post = async (more: object) => {
    const response = await app.request('/admin/v1/reconciliations', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ provider: 'openai', from: '2026-11-01', to: '2026-11-03', tolerance_percent: '1' },
        lines: [line({})],
        ...more,
      }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { post, mails, bills };
}

const line = (more: object) => ({
  ...{ day: '2026-11-01', name: 'gpt-4.1', billed_usd: '1.50', tokens: null, calls: null },
  ...more,
});

describe('a bill', () => {
  it('that is not what was charged is mailed, with one id for one difference', async () => {
    const { post, mails, bills } = world();
    const first = await post({});
    expect(first).toMatchObject({
      status: 200,
      body: {
        ...{ drifted: true, mailed: true, total: { billed_usd: '1.50', our_usd: '0.00' } },
        items: [
          { day: '2026-11-01', model: 'gpt-4.1', difference_usd: '1.50', difference_percent: '100.00' },
        ],
      },
    });
    await post({});
    await post({ lines: [line({ billed_usd: '1.51' })] });
    expect(new Set(mails.map(({ id }) => id)).size).toBe(2);
    expect(bills).toHaveLength(3);
    expect(bills[0]).toEqual({ provider: 'openai', from: '2026-11-01', to: '2026-11-03', hasDrifted: true });
  });

  it('that is, is not mailed', async () => {
    const { post, mails, bills } = world();
    const free = await post({ lines: [line({ billed_usd: '0' })] });
    expect(free.body).toMatchObject({ drifted: false, mailed: false });
    expect([mails.length, bills[0]?.hasDrifted]).toEqual([0, false]);
  });

  it('is shown and counted also where no mail can be sent', async () => {
    const { post, bills } = world({ send: () => Promise.reject(new Error('the topic is gone')) });
    expect((await post({})).body).toMatchObject({ drifted: true, mailed: false });
    expect(bills).toHaveLength(1);
  });

  it('with a discount on a line of its own comes out at what is left', async () => {
    const { post } = world();
    const lines = [line({}), line({ billed_usd: '-0.25', day: '2026-11-02' })];
    expect((await post({ lines })).body).toMatchObject({ total: { billed_usd: '1.25' } });
  });
});

describe('is refused:', () => {
  it.each([
    ['a member that nobody knows', { currency: 'eur' }, /currency/],
    ['another provider', { provider: 'google' }, /provider/],
    ['money as a number', { lines: [line({ billed_usd: 1.5 })] }, /billed_usd/],
    ['money in words', { lines: [line({ billed_usd: '1,50' })] }, /billed_usd: write dollars/],
    ['a rounding below zero', { lines: [line({ rounding_usd: '-1' })] }, /rounding_usd: write dollars/],
    ['a tolerance below zero', { tolerance_percent: '-1' }, /tolerance_percent: write a percentage/],
    ['a day that does not exist', { from: '2026-11-31' }, /from: there is no day 2026-11-31/],
    ['no day', { to: '2026-11-01' }, /from: is not before to/],
    ['more than a quarter', { from: '2026-08-01' }, /at most 92 days/],
    ['more lines than fit', { lines: Array.from({ length: 1201 }, () => line({})) }, /lines/],
  ])('%s', async (_, more, detail) => {
    const { post, bills } = world();
    const { status, body } = await post(more);
    expect(status).toBe(400);
    expect(body['detail']).toMatch(detail);
    expect(bills).toEqual([]);
  });
});

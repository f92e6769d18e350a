/** Open holds and evidence through the admin API and its books. */
import { describe, expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { auditLedger } from '../../lambdas/core/ledger/audit.ts';
import { orphanCharge, presumed } from '../../lambdas/core/ledger/charge.ts';
import { usd } from '../../lambdas/core/money.ts';
import { freshIds } from '../../lambdas/core/request-ids.ts';
import { adminWorld } from '../support/admin-world.ts';
import {
  alice,
  chargeOf,
  hours,
  ledgerOver,
  ManualClock,
  minutes,
  testCall,
  testCap,
} from '../support/worlds.ts';

const cap = testCap('month', 'usd', 'month', usd('20'));

function world() {
  const { clock, ids, table, ledger, send: ask } = adminWorld();
  const send = (method: string, path: string, body?: object) => ask(method, path, { body });
  const hold = async () => {
    const made = freshIds(ids);
    const call = testCall([cap], ids, { id: made.holdId, picoUsd: usd('0.5') });
    const outcome = await ledger.reserve({ ...call, info: { ...call.info, rq: made.requestId } });
    if (outcome.kind !== 'held') throw new Error(outcome.kind);
    return { call: outcome.call, requestId: made.requestId as string };
  };
  const evidence = (id: string, billed_usd: string) =>
    send('POST', `/ledger/requests/${id}/evidence`, { billed_usd, source: 'console of the provider' });
  const settled = async () => (await ledger.leaves.read(alice))!.a['month']!.s;
  return { clock, table, ledger, send, hold, evidence, settled };
}

describe('open holds', () => {
  it('say whose they are, how much they hold and why they are open', async () => {
    const { clock, table, send, hold } = world();
    const orphan = await hold();
    const charged = await hold();
    const { chargeToItem } = await import('../../lambdas/core/ledger/charge.ts');
    await table.put({ item: chargeToItem(chargeOf(charged.call, usd('0.1'))) });
    clock.advance(minutes(17));
    const running = await hold();
    const { body } = await send('GET', '/ledger/holds');
    const items = body['items'] as Record<string, string>[];
    const states = items.map((item) => [item['request_id'], item['state']]);
    expect(new Map(states as [string, string][])).toEqual(
      new Map([
        [orphan.requestId, 'orphaned'],
        [charged.requestId, 'charged'],
        [running.requestId, 'in_flight'],
      ]),
    );
    expect(items.find((item) => item['request_id'] === orphan.requestId)).toEqual({
      request_id: orphan.requestId,
      principal: 'user:alice',
      user: 'alice',
      team: 'growth',
      app: 'web',
      feature: 'default',
      model_requested: 'm',
      reserved_usd: '0.50',
      since: '2026-11-24T12:00:00Z',
      state: 'orphaned',
      expires_at: '2026-11-25T12:00:00Z',
    });
    expect(body['next_cursor']).toBeNull();
  });

  it('come page by page, a leaf at a time', async () => {
    const { send, hold, ledger } = world();
    await hold();
    const bob = { pk: 'L#user:bob', sk: '-' };
    const { ids } = ledgerOver({ api: openMemoryEngine({ clock: new ManualClock() }), tableName: 't' });
    await ledger.reserve({ ...testCall([cap], ids, { id: 'bobs' }), leaf: bob });
    const first = (await send('GET', '/ledger/holds?limit=1')).body;
    const cursor = first['next_cursor'] as string;
    const second = (await send('GET', `/ledger/holds?limit=1&cursor=${encodeURIComponent(cursor)}`)).body;
    const principals = [first, second].flatMap(({ items }) =>
      (items as { principal: string }[]).map(({ principal }) => principal),
    );
    expect(principals.sort()).toEqual(['user:alice', 'user:bob']);
    expect(second['next_cursor']).toBeNull();
    expect((await send('GET', '/ledger/holds?cursor=nonsense')).status).toBe(400);
  });
});

describe('evidence', () => {
  it('that a crashed call was never billed gives its hold back, once', async () => {
    const { clock, table, hold, evidence, settled } = world();
    const { requestId } = await hold();
    clock.advance(minutes(17));
    const answer = await evidence(requestId, '0.00');
    expect(answer).toMatchObject({
      status: 200,
      body: { result: 'charged', charge: { outcome: 'voided', evidence: 'console of the provider' } },
    });
    expect((await evidence(requestId, '0.00')).body).toMatchObject({ code: 'call_settled' });
    expect(await settled()).toBe(0n);
    expect((await auditLedger(table)).balanced).toBe(true);
  });

  it('is taken by the id of the hold too, as a provider logs it, held still or presumed spent', async () => {
    const { clock, ledger, table, hold, evidence, settled } = world();
    const held = await hold();
    const { call } = await hold();
    clock.advance(minutes(17));
    expect((await evidence(held.call.id, '0.02')).body).toMatchObject({
      result: 'charged',
      charge: { request_id: held.requestId },
    });
    const charge = orphanCharge(call.id, alice.pk, call.hold, call.at);
    await ledger.finish({ ...charge, ...presumed(call.hold.i, 'the stream broke') }, alice);
    expect((await evidence(call.id, '0.03')).body).toMatchObject({ result: 'adjusted' });
    expect(await settled()).toBe(usd('0.05'));
    expect((await auditLedger(table)).balanced).toBe(true);
  });

  it('of what was billed after it was presumed spent is an item of its own in usage', async () => {
    const { clock, ledger, table, send, hold, evidence, settled } = world();
    const { call, requestId } = await hold();
    clock.advance(hours(25));
    const charge = orphanCharge(call.id, alice.pk, call.hold, call.at);
    await ledger.finish({ ...charge, ...presumed(call.hold.i, 'the stream broke') }, alice);
    for (let i = 0; i < 2; i += 1) {
      expect((await evidence(requestId, '0.04')).body).toMatchObject({ result: 'adjusted' });
    }
    expect(await settled()).toBe(usd('0.04'));
    const { body } = await send('GET', '/usage');
    expect((body['items'] as object[]).map((item) => ({ ...item }))).toEqual([
      expect.objectContaining({ request_id: requestId, outcome: 'adjusted', cost_usd: '-0.46' }),
      expect.objectContaining({
        request_id: requestId,
        outcome: 'presumed_spent',
        cost_usd: '0.50',
        reason: 'the stream broke',
      }),
    ]);
    expect((await auditLedger(table)).balanced).toBe(true);
  });

  it.each<[string, (w: ReturnType<typeof world>) => Promise<string>, number, string]>([
    ['for a call that may be running', async ({ hold }) => (await hold()).requestId, 409, 'call_in_flight'],
    ['for an unknown id', () => Promise.resolve('req_00000000000000000000000000'), 404, 'not_found'],
    ['for a hold that nobody has', () => Promise.resolve('0'.repeat(26)), 404, 'not_found'],
    ['for text that is no id', () => Promise.resolve('x'), 404, 'not_found'],
    [
      'for a call that the provider settled',
      async ({ hold, ledger, clock }) => {
        const { call, requestId } = await hold();
        await ledger.finish(chargeOf(call, usd('0.1')), alice);
        clock.advance(minutes(17));
        return requestId;
      },
      409,
      'call_settled',
    ],
  ])('%s is refused and moves nothing', async (_what, make, status, code) => {
    const one = world();
    const id = await make(one);
    expect(await one.evidence(id, '0.00')).toMatchObject({ status, body: { code } });
    expect((await auditLedger(one.table)).balanced).toBe(true);
  });
});

describe('a receipt', () => {
  it('is had by the id of any call, once it is charged', async () => {
    const { send, hold, ledger } = world();
    const { call, requestId } = await hold();
    const path = `/ledger/requests/${requestId}/receipt`;
    expect(await send('GET', path)).toMatchObject({ status: 409, body: { code: 'call_in_flight' } });
    await ledger.finish(chargeOf(call, usd('0.1')), call.leaf);
    expect(await send('GET', path)).toMatchObject({
      status: 200,
      body: {
        format: 'spendcap-receipt/1',
        request_id: requestId,
        user: 'alice',
        cost_usd: '0.10',
        accounts: [{ account: 'month', metric: 'usd', held: '0.50', charged: '0.10' }],
      },
    });
  });

  it('is not had of a call that nobody made', async () => {
    const { send } = world();
    expect(await send('GET', '/ledger/requests/req_none/receipt')).toMatchObject({ status: 404 });
  });
});

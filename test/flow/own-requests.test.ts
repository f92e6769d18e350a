/** GET /v1/requests: what became of one's own call, for a client that has only the key that it sent. */
import { describe, expect, it } from 'vitest';
import { openGateway, userCap, type RequestView, type TestGateway } from '../support/gateways.ts';
import { LiveAnswer, noAnswer, notSent, plain } from '../support/scripted-upstream.ts';
import { CALLS, chatCall, messagesCall, type DialectCall } from './dialects.ts';

const KEY = { 'idempotency-key': 'k1' };

const send = (gateway: TestGateway, call: DialectCall, headers: Record<string, string> = KEY) =>
  gateway.call(call.path, call.body, { ...call.headers, ...headers });

async function look(gateway: TestGateway, headers: Record<string, string> = KEY) {
  const response = await gateway.get('/v1/requests', headers);
  return { status: response.status, body: (await response.json()) as RequestView };
}

describe.each(CALLS)('$name', (call) => {
  it('was never admitted, is in flight, is charged', async () => {
    const gateway = await openGateway();
    expect(await look(gateway)).toMatchObject({
      status: 404,
      body: { error: { code: 'request_not_found' } },
    });

    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = send(gateway, call);
    await gateway.upstream.hasSent(1);
    const open = await look(gateway);
    expect(open).toMatchObject({
      status: 200,
      body: { status: 'in_flight', hold: { reserved_usd: call.hold }, charge: null },
    });

    answer.write(call.answer);
    answer.end();
    const id = (await pending).headers.get('x-spendcap-request-id')!;
    await gateway.settled();
    const charged = await look(gateway);
    expect(charged.body).toMatchObject({
      id,
      status: 'charged',
      hold: null,
      charge: { outcome: 'settled', cost_usd: call.cost, request_id: id },
    });
    expect(charged.body).toEqual(await gateway.view(id));
    expect(open.body.id).toBe(id);
  });
});

describe('a call that was voided', () => {
  it('is shown with what it cost, until another runs under its key', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(notSent, answer.script);
    const voided = await send(gateway, chatCall);
    await voided.text();
    expect((await look(gateway)).body).toMatchObject({
      id: voided.headers.get('x-spendcap-request-id'),
      status: 'charged',
      charge: { outcome: 'voided', cost_usd: '0.00' },
    });

    const pending = send(gateway, chatCall);
    await gateway.upstream.hasSent(2);
    expect((await look(gateway)).body).toMatchObject({ status: 'in_flight', charge: null });
    answer.write(chatCall.answer);
    answer.end();
    const second = await pending;
    await gateway.settled();
    expect((await look(gateway)).body).toMatchObject({
      id: second.headers.get('x-spendcap-request-id'),
      status: 'charged',
      charge: { outcome: 'settled' },
    });
    expect((await gateway.viewOf(voided)).charge).toMatchObject({ outcome: 'voided' });
    expect((await gateway.viewOf(second)).charge).toMatchObject({ outcome: 'settled' });
  });

  it('is not taken for the one that is in flight under its key', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(notSent, answer.script);
    await send(gateway, chatCall);
    const pending = send(gateway, chatCall);
    await gateway.upstream.hasSent(2);
    const { id } = (await look(gateway)).body;
    expect(await gateway.view(id)).toMatchObject({ id, status: 'in_flight', charge: null });
    answer.breakOff();
    await pending;
    expect(await gateway.view(id)).toMatchObject({ id, charge: { outcome: 'presumed_spent' } });
  });
});

describe('a repeat', () => {
  it('that was refused has an id of its own, which shows the call that it repeated', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(noAnswer);
    const first = await send(gateway, chatCall);
    const again = await send(gateway, chatCall);
    expect(again.status).toBe(409);
    const seen = await gateway.viewOf(again);
    expect(seen.charge).toMatchObject({ request_id: first.headers.get('x-spendcap-request-id') });
    expect(seen.id).toBe(again.headers.get('x-spendcap-request-id'));
  });
});

describe('who asks', () => {
  it('sees only their own, whatever key others used', async () => {
    const gateway = await openGateway({
      caps: { 'alice-life': userCap('1.00'), bob: userCap('1.00', { scope: { type: 'user', id: 'bob' } }) },
      key: { user: null },
    });
    gateway.upstream.next(plain(chatCall.answer));
    await send(gateway, chatCall, { ...KEY, 'x-spendcap-user': 'alice' });
    expect(await look(gateway, { ...KEY, 'x-spendcap-user': 'alice' })).toMatchObject({ status: 200 });
    expect(await look(gateway, { ...KEY, 'x-spendcap-user': 'bob' })).toMatchObject({ status: 404 });
    expect(await look(gateway)).toMatchObject({ status: 400, body: { error: { code: 'user_required' } } });
  });

  it.each([
    ['OpenAI', {}, { error: { code: 'invalid_request' } }],
    ['Anthropic', messagesCall.headers, { error: { details: { code: 'invalid_request' } } }],
  ])('is asked which call, in the dialect of %s', async (_, headers, body) => {
    const gateway = await openGateway();
    expect(await look(gateway, headers)).toMatchObject({ status: 400, body });
  });

  it('is told to try again while the books cannot be read', async () => {
    const gateway = await openGateway();
    gateway.setTableDown(true);
    expect(await look(gateway)).toMatchObject({
      status: 503,
      body: { error: { code: 'ledger_unavailable' } },
    });
  });
});

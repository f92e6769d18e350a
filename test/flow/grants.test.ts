/** Asking for more, and hearing of it: over the gateway and the desk, with time in hand. */
import { describe, expect, it, vi } from 'vitest';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { GrantRecords } from '../../lambdas/core/grants/grant-records.ts';
import type { Approver } from '../../lambdas/core/grants/same-person.ts';
import { usd } from '../../lambdas/core/money.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import { openGateway, userCap, type GatewayOptions } from '../support/gateways.ts';
import { testDesk } from '../support/grant-desk.ts';
import { noAnswer, plain } from '../support/scripted-upstream.ts';
import { chatCall, messagesCall } from './dialects.ts';

const FINANCE: Approver = { name: 'finance@example.com', keyId: undefined };
const HOUR = 3600;
const WISH = { cap: 'alice-day', amount: '1.00', reason: 'Quarter end' };

interface Grant extends Record<string, unknown> {
  id: string;
  status: string;
}

/** Alice has a cent a day, and has used eight tenths of it, unless told otherwise. */
async function world(options: GatewayOptions = {}) {
  const caps = { 'alice-day': userCap('0.01', { window: 'day' }) };
  const gateway = await openGateway({ caps, ...options });
  const { table, ledger, clock } = gateway;
  const { grants, ended } = testDesk({ table, ledger, directory: new Directory({ table, clock }), clock });
  const ask = async (wish: object = WISH, headers: Record<string, string> = {}) => {
    const response = await gateway.call('/v1/grants', JSON.stringify(wish), headers);
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      grant: (await response.json()) as Grant,
    };
  };
  const call = (headers = {}) => gateway.call(chatCall.path, chatCall.body, headers);
  const spend = async (): Promise<void> => {
    gateway.upstream.next(noAnswer);
    await call();
  };
  const approve = (id: string, amount = '1', hours = 6, approver = FINANCE) =>
    grants.decide(id, approver, {
      kind: 'approved',
      amount: usd(amount),
      expiresAt: epochMs(clock.now() + hours * HOUR * 1000),
    });
  const deny = (id: string) => grants.decide(id, FINANCE, { kind: 'denied', reason: 'Not this month' });
  const told = (response: Response) => response.headers.get('x-spendcap-grant');
  const limitOf = async (response: Response) =>
    ((await response.json()) as { error: { message: string; limit: { grant?: object } } }).error;
  return { ...gateway, grants, ended, ask, call, spend, approve, deny, told, limitOf };
}

describe('POST /v1/grants', () => {
  it('answers 202 with what was asked for, which one can look at and nobody else', async () => {
    const { ask, get, newKey } = await world();
    const { status, grant } = await ask();
    expect(status).toBe(202);
    expect(grant).toEqual({
      id: expect.stringMatching(/^grant_[0-9a-v]{26}$/) as unknown,
      status: 'requested',
      cap: 'alice-day',
      scope: { type: 'user', id: 'alice' },
      metric: 'usd',
      window: 'day',
      requested_by: { type: 'user', id: 'alice' },
      amount: '1.00',
      reason: 'Quarter end',
      requested_at: '2026-11-24T12:00:00Z',
      answer_by: '2026-11-25T00:00:00Z', // the window ends before the 72 hours do
      decided_by: null,
      decided_at: null,
      amount_approved: null,
      expires_at: null,
      ends_at: null,
      denial_reason: null,
    });
    expect(await (await get(`/v1/grants/${grant.id}`)).json()).toEqual(grant);
    const other = await newKey({ user: 'bob' });
    const refused = await get(`/v1/grants/${grant.id}`, { authorization: `Bearer ${other}` });
    expect(refused.status).toBe(404);
  });

  it('has one open request a user and cap: the next ones answer the first', async () => {
    const { ask, grants } = await world();
    const answers = await Promise.all([ask(), ask({ ...WISH, amount: '2.00' }), ask()]);
    expect(new Set(answers.map(({ grant }) => grant.id)).size).toBe(1);
    expect((await grants.records.list('requested', 10)).items).toHaveLength(1);
  });

  it('takes a repeat of an idempotency key for the same request, also after it was decided', async () => {
    const { ask, deny } = await world();
    const key = { 'idempotency-key': 'once' };
    const first = await ask(WISH, key);
    await deny(first.grant.id);
    expect(await ask(WISH, key)).toMatchObject({
      status: 202,
      grant: { id: first.grant.id, status: 'denied' },
    });
    const other = await ask({ ...WISH, amount: '2.00' }, key);
    expect(other).toMatchObject({ status: 422, grant: { code: 'idempotency_mismatch' } });
    const next = await ask();
    expect(next.grant.id).not.toBe(first.grant.id);
  });

  it.each([
    ['a cap of somebody else', { ...WISH, cap: 'bob-day' }, 404, 'not_found'],
    ['no amount', { cap: 'alice-day', reason: 'x' }, 400, 'invalid_request'],
    ['nothing', { ...WISH, amount: '0.00' }, 400, 'invalid_request'],
    ['less than nothing', { ...WISH, amount: '-1' }, 400, 'invalid_request'],
    ['more than anybody may', { ...WISH, amount: '10000.01' }, 400, 'invalid_request'],
    ['a number', { ...WISH, amount: 5 }, 400, 'invalid_request'],
    ['no reason', { ...WISH, reason: '  ' }, 400, 'invalid_request'],
    ['a novel', { ...WISH, reason: 'x'.repeat(501) }, 400, 'invalid_request'],
    ['more than it knows', { ...WISH, user: 'bob' }, 400, 'invalid_request'],
    ['what comes back within a minute', { ...WISH, cap: 'alice-rate' }, 422, 'cap_not_supported'],
    ['calls in flight', { ...WISH, cap: 'alice-slots' }, 422, 'cap_not_supported'],
  ])('refuses %s, and says why as a problem', async (_what, wish, status, code) => {
    const { ask, grants } = await world({
      caps: {
        'alice-day': userCap('0.01', { window: 'day' }),
        'bob-day': userCap('0.01', { window: 'day', scope: { type: 'user', id: 'bob' } }),
        'alice-rate': userCap('60', { metric: 'requests', window: 'minute' }),
        'alice-slots': { scope: { type: 'user', id: 'alice' }, metric: 'concurrent', limit: '4' },
      },
    });
    const answer = await ask(wish);
    expect(answer).toMatchObject({ status, type: 'application/problem+json', grant: { code } });
    expect((await grants.records.list('requested', 10)).items).toEqual([]);
  });

  it('takes whom a delegate names, and refuses who is nobody', async () => {
    const { ask, newKey } = await world({
      caps: { each: userCap('0.01', { scope: { type: 'user', id: '*' } }) },
    });
    const key = await newKey({ user: null, scopes: ['call', 'delegate'] });
    const bearer = { authorization: `Bearer ${key}` };
    const wish = { ...WISH, cap: 'each' };
    expect(await ask(wish, { ...bearer, 'x-spendcap-user': 'bob' })).toMatchObject({
      status: 202,
      grant: { requested_by: { type: 'user', id: 'bob' } },
    });
    expect((await ask(wish, bearer)).status).toBe(400);
    expect((await ask(wish, { authorization: 'Bearer nonsense' })).status).toBe(401);
  });

  it('goes on under the same id where the table was lost midway', async () => {
    const { ask, setTableDown, ledger } = await world();
    vi.spyOn(GrantRecords.prototype, 'putNew').mockRejectedValueOnce(new Error('the process died here'));
    expect((await ask()).status).toBe(503);
    const claimed = (await ledger.leaves.read(leafKey({ type: 'user', id: 'alice' })))!.n!['alice-day']!;
    expect(await ask()).toMatchObject({ status: 202, grant: { id: claimed.i } });
    setTableDown(true);
    expect((await ask()).status).toBe(503);
  });
});

describe('the next response', () => {
  it('tells that it was asked for, that it was approved and, once the window is over, nothing', async () => {
    const { ask, call, spend, approve, told, limitOf, upstream, get, clock, account } = await world();
    await spend();
    const blocked = await call();
    expect([blocked.status, told(blocked)]).toEqual([429, null]);
    expect((await limitOf(blocked)).limit.grant).toBeUndefined();

    const { grant } = await ask();
    const waiting = await call();
    expect([waiting.status, told(waiting)]).toEqual([429, `${grant.id}; status=requested`]);
    const { message, limit } = await limitOf(waiting);
    expect(limit.grant).toEqual({ id: grant.id, status: 'requested' });
    expect(message).toContain(`; your request for more (${grant.id}) waits for a decision.`);

    expect(await approve(grant.id)).toMatchObject({ kind: 'done', grant: { state: 'approved' } });
    upstream.next(plain(chatCall.answer));
    const passed = await call();
    expect([passed.status, told(passed)]).toEqual([200, `${grant.id}; status=approved`]);
    expect(passed.headers.get('x-spendcap-cap-limit')).toBe('1.01');
    const { caps } = (await (await get('/v1/budget')).json()) as { caps: object[] };
    expect(caps).toMatchObject([{ limit: '0.01', effective_limit: '1.01' }]);
    const shown = (await (await get(`/v1/grants/${grant.id}`)).json()) as Grant;
    expect(shown).toMatchObject({
      status: 'approved',
      amount_approved: '1.00',
      ends_at: '2026-11-24T18:00:00Z',
    });

    await clock.pass(12 * HOUR);
    upstream.next(plain(chatCall.answer));
    const next = await call();
    expect([next.status, told(next)]).toEqual([200, null]);
    expect(next.headers.get('x-spendcap-cap-limit')).toBe('0.01');
    expect(await account('alice-day')).toMatchObject({ settled: '0.00006' });
  });

  it.each([
    ['OpenAI', chatCall],
    ['Anthropic', messagesCall],
  ])(
    'tells %s clients of a denial, and the request itself says why',
    async (_dialect, { path, body, headers }) => {
      const gateway = await world({ caps: { 'alice-day': userCap('0.0075', { window: 'day' }) } });
      gateway.upstream.next(noAnswer);
      await gateway.request('POST', path, body, headers);
      const { grant } = await gateway.ask();
      await gateway.deny(grant.id);
      const refused = await gateway.request('POST', path, body, headers);
      expect(gateway.told(refused)).toBe(`${grant.id}; status=denied`);
      expect(await refused.text()).toContain(`your request for more (${grant.id}) was denied`);
      const shown = (await (await gateway.get(`/v1/grants/${grant.id}`)).json()) as Grant;
      expect(shown).toMatchObject({
        status: 'denied',
        denial_reason: 'Not this month',
        decided_by: FINANCE.name,
      });
    },
  );

  it('tells of silence at the hour, without anybody writing it', async () => {
    const { ask, spend, call, told, limitOf, clock, get, approve, ended } = await world({
      caps: { 'alice-day': userCap('0.01') },
      policy: { approvals: { waitHours: 2 } },
    });
    await spend();
    const { grant } = await ask();
    expect(grant['answer_by']).toBe('2026-11-24T14:00:00Z');
    await clock.pass(2 * HOUR - 1);
    expect(told(await call())).toBe(`${grant.id}; status=requested`);
    await clock.pass(1);
    const refused = await call();
    expect(told(refused)).toBe(`${grant.id}; status=expired`);
    expect((await limitOf(refused)).message).toContain('found no answer in time; ask for more at');
    expect(await (await get(`/v1/grants/${grant.id}`)).json()).toMatchObject({ status: 'expired' });
    expect(await approve(grant.id)).toMatchObject({ kind: 'decided_before', grant: { state: 'expired' } });
    expect(ended).toEqual([]); // nothing waited for this one
    const again = await ask();
    expect(again.grant.id).not.toBe(grant.id);
    expect(told(await call())).toBe(`${again.grant.id}; status=requested`);
  });

  it('raises a shared cap for all, and tells the one who asked', async () => {
    const { ask, approve, call, told, upstream, newKey } = await world({
      caps: { team: { scope: { type: 'team', id: 'growth' }, metric: 'usd', window: 'day', limit: '0.01' } },
    });
    upstream.next(noAnswer);
    await call();
    const { grant } = await ask({ ...WISH, cap: 'team' });
    await approve(grant.id);
    upstream.next(plain(chatCall.answer), plain(chatCall.answer));
    expect(told(await call())).toBe(`${grant.id}; status=approved`);
    const bearer = { authorization: `Bearer ${await newKey({ user: 'bob' })}` };
    const others = await call(bearer);
    expect([others.status, told(others)]).toEqual([200, null]);
  });

  it('tells an app on whichever of its leaves the response comes from', async () => {
    const gateway = await world({
      caps: { 'web-day': { scope: { type: 'app', id: 'web' }, metric: 'usd', window: 'day', limit: '0.01' } },
      key: { user: null, requireUser: false },
      policy: { apps: [{ id: 'web', team: 'growth', callsInFlightMax: 192 }], approvals: { waitHours: 2 } },
    });
    const { ask, approve, deny, clock, upstream } = gateway;
    const wish = { ...WISH, cap: 'web-day' };
    const wanted = async () => (await ask(wish)).grant.id;
    /** Of sixteen answers, which come from all three. */
    const told = async () => {
      const seen = new Set<string | null>();
      for (let i = 0; i < 16; i += 1) {
        upstream.next(plain(chatCall.answer));
        seen.add(gateway.told(await gateway.call()));
      }
      return [...seen];
    };
    const denied = await wanted();
    expect(await told()).toEqual([`${denied}; status=requested`]);
    await deny(denied);
    expect(await told()).toEqual([`${denied}; status=denied`]);
    const silent = await wanted();
    await clock.pass(2 * HOUR);
    expect(await told()).toEqual([`${silent}; status=expired`]);
    const approved = await wanted();
    await approve(approved);
    expect(await told()).toEqual([`${approved}; status=approved`]);
    const apart = await gateway.ledger.leaves.read(leafKey({ type: 'app', id: 'web' }, 2));
    expect(apart!.a['web-day']!.s).toBeGreaterThan(0n);
  });

  it('costs a call no read', async () => {
    const { ask, approve, call, upstream, table } = await world();
    const { grant } = await ask();
    await approve(grant.id);
    const read: string[] = [];
    const get = table.get.bind(table);
    table.get = (key) => {
      read.push(key.pk);
      return get(key);
    };
    upstream.next(plain(chatCall.answer));
    expect((await call()).status).toBe(200);
    expect(read.filter((pk) => pk.startsWith('GRANT'))).toEqual([]);
  });
});

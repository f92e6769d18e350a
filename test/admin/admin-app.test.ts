/** The admin API through its app, over the engine in memory: status, shape and problem of each route. */
import { describe, expect, it } from 'vitest';
import { keyIdOf } from '../../lambdas/core/directory/app-keys.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import { adminWorld as world, type Json } from '../support/admin-world.ts';
import { chargeOf, testCall, callOf } from '../support/worlds.ts';

const ALICE_MONTH = { scope: { type: 'user', id: 'alice' }, metric: 'usd', window: 'month', limit: '20.00' };
const ALICE_MONTH_FILLED = {
  id: 'alice-month',
  ...ALICE_MONTH,
  time_zone: 'UTC',
  anchor_day: 1,
  overage: '0.00',
  thresholds: { warn: [0.5, 0.8], throttle: 0.95, block: 1 },
  ladder: 'default',
};

describe('caps', () => {
  it('PUT creates with 201, repeats with 200, and answers the defaults', async () => {
    const { send } = world();
    const first = await send('PUT', '/caps/alice-month', { body: ALICE_MONTH });
    expect(first).toMatchObject({ status: 201, body: ALICE_MONTH_FILLED });
    const again = await send('PUT', '/caps/alice-month', { body: ALICE_MONTH });
    expect(again).toMatchObject({ status: 200, body: ALICE_MONTH_FILLED });
    const raised = await send('PUT', '/caps/alice-month', { body: { ...ALICE_MONTH, limit: '30' } });
    expect(raised).toMatchObject({ status: 200, body: { limit: '30.00' } });
  });

  it('GET answers where the cap stands, in decimal strings', async () => {
    const { send, ledger, directory, ids, clock } = world();
    await send('PUT', '/caps/alice-month', { body: ALICE_MONTH });
    const caps = await directory.capsFor(callOf('alice'));
    const key = leafKey({ type: 'user', id: 'alice' });
    const reserve = async (picoUsd: bigint) => {
      const outcome = await ledger.reserve(testCall(caps, ids, { picoUsd }));
      if (outcome.kind !== 'held') throw new Error(outcome.kind);
      return outcome.call;
    };
    await ledger.finish(chargeOf(await reserve(12_000_000_000_000n), 10_500_000_000_000n), key);
    await reserve(400_000_000_000n);
    expect(clock.now()).toBe(Date.UTC(2026, 10, 24, 12));
    expect((await send('GET', '/caps/alice-month')).body).toEqual({
      ...ALICE_MONTH_FILLED,
      effective_limit: '20.00',
      settled: '10.50',
      reserved: '0.40',
      remaining: '9.10',
      resets_at: '2026-12-01T00:00:00Z',
      stage: 'warned',
      as_of: '2026-11-24T12:00:00Z',
    });
  });

  it('GET of a cap for many answers figures of the user who is named, else null', async () => {
    const { send } = world();
    await send('PUT', '/caps/everyone', { body: { ...ALICE_MONTH, scope: { type: 'user', id: '*' } } });
    expect((await send('GET', '/caps/everyone')).body).toMatchObject({ settled: null, stage: null });
    expect((await send('GET', '/caps/everyone?user=bob')).body).toMatchObject({
      settled: '0.00',
      remaining: '20.00',
      stage: 'normal',
    });
  });

  it('lists in order of id, page by page', async () => {
    const { send } = world();
    for (const id of ['b', 'a', 'c']) await send('PUT', `/caps/${id}`, { body: ALICE_MONTH });
    const first = (await send('GET', '/caps?limit=2')).body as { items: Json[]; next_cursor: string };
    expect(first.items.map(({ id }) => id)).toEqual(['a', 'b']);
    const second = (await send('GET', `/caps?limit=2&cursor=${first.next_cursor}`)).body;
    expect(second).toMatchObject({ items: [{ id: 'c' }], next_cursor: null });
  });

  it('DELETE answers 204, then 404', async () => {
    const { send } = world();
    await send('PUT', '/caps/alice-month', { body: ALICE_MONTH });
    expect(await send('DELETE', '/caps/alice-month')).toMatchObject({ status: 204, body: {} });
    expect(await send('DELETE', '/caps/alice-month')).toMatchObject({ status: 404 });
    expect(await send('GET', '/caps/alice-month')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });
});

describe('problems', () => {
  const cap = (changes: Json): Json => ({ ...ALICE_MONTH, ...changes });
  it.each<[what: string, method: string, path: string, body: unknown, status: number, code: string, RegExp]>([
    ['an unknown member', 'PUT', '/caps/a', cap({ limt: '3' }), 400, 'invalid_request', /limt/],
    ['money as a number', 'PUT', '/caps/a', cap({ limit: 20 }), 400, 'invalid_request', /limit/],
    ['no JSON', 'PUT', '/caps/a', '{"scope"', 400, 'invalid_request', /JSON/],
    ['an unknown window', 'PUT', '/caps/a', cap({ window: 'year' }), 400, 'invalid_request', /rolling_/],
    ['an id with capitals', 'PUT', '/caps/A', ALICE_MONTH, 400, 'invalid_request', /lower-case/],
    [
      'a shared cap',
      'PUT',
      '/caps/a',
      cap({ scope: { type: 'team', id: 'growth' }, window: 'minute' }),
      422,
      'cap_not_supported',
      /shared by many people.*day, week, month or lifetime/,
    ],
    [
      'a shared cap on requests',
      'PUT',
      '/caps/a',
      cap({ scope: { type: 'org', id: 'org' }, metric: 'requests', limit: '60' }),
      422,
      'cap_not_supported',
      /scope org is shared by many people and counts dollars only; set requests on caps of scope user/,
    ],
    [
      'a ladder that the policy has not',
      'PUT',
      '/caps/a',
      cap({ ladder: 'strict' }),
      422,
      'ladder_unknown',
      /ladder: the policy describes no "strict"; it has default\./,
    ],
    ['a user of no team', 'PUT', '/users/alice', {}, 400, 'invalid_request', /team/],
    ['everybody as a user', 'PUT', '/users/*', { team: 'growth' }, 400, 'invalid_request', /is no user/],
    ['a user who is not known', 'GET', '/users/bob', undefined, 404, 'not_found', /"bob".*team of the key/],
    ['an unknown parameter', 'GET', '/caps?lmit=3', undefined, 400, 'invalid_request', /lmit/],
    ['a page of none', 'GET', '/caps?limit=0', undefined, 400, 'invalid_request', /limit/],
    ['a cursor of one’s own', 'GET', '/caps?cursor=abc', undefined, 400, 'invalid_request', /next_cursor/],
    [
      'a usage cursor of one’s own',
      'GET',
      '/usage?cursor=abc',
      undefined,
      400,
      'invalid_request',
      /next_cursor/,
    ],
    ['a date without time', 'GET', '/usage?from=yesterday', undefined, 400, 'invalid_request', /from/],
    [
      'an unknown scope of a key',
      'POST',
      '/keys',
      { app: 'a', team: 't', scopes: ['x'] },
      400,
      'invalid_request',
      /scopes/,
    ],
    ['an unknown path', 'GET', '/nothing', undefined, 404, 'not_found', /nothing/],
    [
      'a model that is not in quarantine',
      'DELETE',
      '/quarantine/gpt-5',
      undefined,
      404,
      'not_found',
      /gpt-5/,
    ],
  ])('%s', async (_what, method, path, body, status, code, detail) => {
    const answer = await world().send(method, path, { body });
    expect(answer).toMatchObject({
      status,
      type: 'application/problem+json',
      body: { type: 'about:blank', status, code, detail: expect.stringMatching(detail) as string },
    });
  });

  it.each([
    ['no credential', ''],
    ['another key', 'Bearer admin-kez'],
    ['another scheme', 'Basic admin-key'],
  ])('%s: 401', async (_what, authorization) => {
    const { send } = world();
    const answer = await send('GET', '/caps', { headers: { authorization } });
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });
});

describe('keys', () => {
  const WEB = { app: 'web', team: 'growth', scopes: ['call', 'delegate'], user: null, require_user: true };

  it('shows a key once, and stores it hashed', async () => {
    const { send, directory } = world();
    const { status, body } = await send('POST', '/keys', { body: WEB });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { ...WEB, created_at: '2026-11-24T12:00:00Z' },
    });
    const { id, key } = body as { id: string; key: string };
    expect(keyIdOf(key)).toBe(id);
    expect(key).toMatch(/^sck_test_/);
    const { body: shown } = await send('GET', `/keys/${id}`);
    expect(shown).toEqual({ id, ...WEB, created_at: '2026-11-24T12:00:00Z' });
    expect(JSON.stringify(await directory.getKey(id))).not.toContain(key);
    expect((await send('GET', '/keys')).body).toEqual({ items: [shown], next_cursor: null });
    expect((await send('DELETE', `/keys/${id}`)).status).toBe(204);
    expect((await send('GET', `/keys/${id}`)).status).toBe(404);
  });

  it('a repeat with the same Idempotency-Key answers the same key; with other members 422', async () => {
    const { send } = world();
    const headers = { 'idempotency-key': 'deploy-7' };
    const first = await send('POST', '/keys', { body: WEB, headers });
    const again = await send('POST', '/keys', { body: WEB, headers });
    expect(again).toEqual(first);
    const other = await send('POST', '/keys', { body: { ...WEB, app: 'mobile' }, headers });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    const { items } = (await send('GET', '/keys')).body as { items: Json[] };
    expect(items).toHaveLength(1);
    const fresh = await send('POST', '/keys', { body: WEB });
    expect(fresh.body['id']).not.toBe(first.body['id']);
  });

  it('a key with the scope admin opens the API, one without does not', async () => {
    const { send } = world();
    const admin = await send('POST', '/keys', { body: { ...WEB, scopes: ['admin'], user: 'fay' } });
    const plain = await send('POST', '/keys', { body: WEB });
    const status = async ({ body }: { body: Json }): Promise<number> =>
      (await send('GET', '/caps', { headers: { authorization: `Bearer ${body['key'] as string}` } })).status;
    expect([await status(admin), await status(plain)]).toEqual([200, 401]);
  });
});

describe('the books', () => {
  it('audit and usage of an empty Spendcap', async () => {
    const { send } = world();
    expect((await send('GET', '/ledger/audit')).body).toEqual({
      balanced: true,
      accounts: 0,
      open_holds: 0,
      in_motion: 0,
      differences: [],
    });
    expect((await send('GET', '/usage')).body).toEqual({ items: [], next_cursor: null });
  });

  it('usage has one item a call, with every member of the contract', async () => {
    const { send, ledger, directory, ids } = world();
    await send('PUT', '/caps/alice-month', { body: ALICE_MONTH });
    const caps = await directory.capsFor(callOf('alice'));
    const outcome = await ledger.reserve(testCall(caps, ids, { id: 'one', picoUsd: 2_000_000_000n }));
    if (outcome.kind !== 'held') throw new Error(outcome.kind);
    await ledger.finish(chargeOf(outcome.call, 1_500_000_000n, 12n), outcome.call.leaf);
    expect((await send('GET', '/usage?user=alice')).body).toEqual({
      items: [
        {
          request_id: 'req_one',
          at: '2026-11-24T12:00:00Z',
          user: 'alice',
          team: 'growth',
          app: 'web',
          feature: 'default',
          tags: {},
          dialect: 'openai-chat',
          model_requested: 'm',
          model: 'm',
          fallback: null,
          tokens: { input: 12 },
          cost_usd: '0.0015',
          reserved_usd: '0.002',
          price_version: 'card',
          outcome: 'settled',
          stage: 'normal',
          latency_ms: 5,
          reason: null,
          evidence: null,
        },
      ],
      next_cursor: null,
    });
    expect((await send('GET', '/usage?user=bob')).body).toMatchObject({ items: [] });
  });

  it('lists and lifts quarantined models, whatever their names hold', async () => {
    const { send, directory } = world();
    await directory.putQuarantine('meta/llama:70b', { requestId: 'req_1' });
    expect((await send('GET', '/quarantine')).body).toMatchObject({
      items: [{ model: 'meta/llama:70b', since: '2026-11-24T12:00:00Z' }],
    });
    expect((await send('DELETE', `/quarantine/${encodeURIComponent('meta/llama:70b')}`)).status).toBe(204);
    expect((await send('GET', '/quarantine')).body).toMatchObject({ items: [] });
  });
});

describe('users', () => {
  it('PUT creates with 201, repeats with 200, and moves; GET, list and DELETE agree', async () => {
    const { send, directory } = world();
    const user = { id: 'bob@example.com', team: 'growth' };
    const path = `/users/${encodeURIComponent(user.id)}`;
    const put = (team: string) => send('PUT', path, { body: { team } });
    expect(await put('growth')).toMatchObject({ status: 201, body: user });
    expect(await put('growth')).toMatchObject({ status: 200, body: user });
    expect(await put('desk')).toMatchObject({ status: 200, body: { ...user, team: 'desk' } });
    expect(await send('GET', path)).toMatchObject({ status: 200, body: { ...user, team: 'desk' } });
    expect(await directory.teamOf(user.id)).toBe('desk');
    await send('PUT', '/users/alice', { body: { team: 'growth' } });
    expect((await send('GET', '/users')).body).toEqual({
      items: [
        { id: 'alice', team: 'growth' },
        { ...user, team: 'desk' },
      ],
      next_cursor: null,
    });
    expect(await send('DELETE', path)).toMatchObject({ status: 204, body: {} });
    expect((await send('DELETE', path)).status).toBe(404);
  });
});

describe('the OpenAPI document', () => {
  it('needs no credential and names each route once', async () => {
    const { send } = world();
    const { status, body } = await send('GET', '/openapi.json', { headers: { authorization: '' } });
    expect(status).toBe(200);
    const paths = body['paths'] as Record<string, Json>;
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'DELETE /admin/v1/caps/{id}',
      'DELETE /admin/v1/keys/{id}',
      'DELETE /admin/v1/prices/overrides/{provider}/{model}',
      'DELETE /admin/v1/quarantine/{model}',
      'DELETE /admin/v1/users/{id}',
      'GET /admin/v1/caps',
      'GET /admin/v1/caps/{id}',
      'GET /admin/v1/dead-letters',
      'GET /admin/v1/grants',
      'GET /admin/v1/grants/{id}',
      'GET /admin/v1/keys',
      'GET /admin/v1/keys/{id}',
      'GET /admin/v1/ledger/audit',
      'GET /admin/v1/ledger/holds',
      'GET /admin/v1/ledger/requests/{id}/receipt',
      'GET /admin/v1/prices',
      'GET /admin/v1/prices/history',
      'GET /admin/v1/prices/overrides',
      'GET /admin/v1/prices/pending',
      'GET /admin/v1/quarantine',
      'GET /admin/v1/reports/anomalies',
      'GET /admin/v1/reports/spend',
      'GET /admin/v1/usage',
      'GET /admin/v1/users',
      'GET /admin/v1/users/{id}',
      'POST /admin/v1/dead-letters/{queue}/redrive',
      'POST /admin/v1/feed/redrive',
      'POST /admin/v1/grants/{id}/approve',
      'POST /admin/v1/grants/{id}/deny',
      'POST /admin/v1/keys',
      'POST /admin/v1/ledger/requests/{id}/evidence',
      'POST /admin/v1/mail/test',
      'POST /admin/v1/prices/pending/{id}/accept',
      'POST /admin/v1/prices/pending/{id}/reject',
      'POST /admin/v1/prices/refresh',
      'POST /admin/v1/prices/rerate',
      'POST /admin/v1/reconciliations',
      'POST /admin/v1/webhooks/{id}/test',
      'PUT /admin/v1/caps/{id}',
      'PUT /admin/v1/prices/overrides/{provider}/{model}',
      'PUT /admin/v1/users/{id}',
    ]);
  });
});

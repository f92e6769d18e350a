/** Grants through the admin API of a local Spendcap: who may decide, and how each answer looks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDocServer } from '../support/doc-blocks.ts';
import type { LocalServer } from '../../local/server.ts';

type Json = Record<string, unknown>;

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
});
afterAll(() => server.close());

async function send(path: string, { key, body }: { key: string; body?: object | undefined }) {
  const response = await fetch(`${server.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: (await response.json()) as Json,
  };
}
const admin = (path: string, body?: object, key = server.adminKey) => send(`/admin/v1${path}`, { key, body });

async function newKey(more: object): Promise<string> {
  const { body } = await admin('/keys', { app: 'web', team: 'growth', ...more });
  return body['key'] as string;
}

let people = 0;
/** Somebody with a key that may also administer, and a request that waits. */
async function asked(window = 'month') {
  people += 1;
  const user = `person-${people}`;
  const key = await newKey({ user, scopes: ['call', 'admin'] });
  const cap = { scope: { type: 'user', id: user }, metric: 'usd', window, limit: '20.00' };
  await fetch(`${server.url}/admin/v1/caps/${user}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(cap),
  });
  const request = await send('/v1/grants', {
    key,
    body: { cap: user, amount: '5.00', reason: 'Quarter end' },
  });
  return { user, key, id: request.body['id'] as string };
}

describe('approve', () => {
  it('raises the cap, and takes amount and end as asked for where nothing else is said', async () => {
    const { id, user } = await asked();
    const { status, body } = await admin(`/grants/${id}/approve`, {});
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, status: 'approved', amount_approved: '5.00', decided_by: 'admin' });
    const cap = (await admin(`/caps/${user}`)).body;
    expect(cap).toMatchObject({ limit: '20.00', effective_limit: '25.00' });
    expect(body['ends_at']).toBe(cap['resets_at']);
    expect(await admin(`/grants/${id}`)).toMatchObject({ status: 200, body });
  });

  it('takes less or more, and an earlier end', async () => {
    const { id } = await asked('lifetime');
    const expires_at = new Date(Date.now() + 3_600_000).toISOString().replace('.000Z', 'Z');
    const { body } = await admin(`/grants/${id}/approve`, { amount: '2.50', expires_at });
    expect(body).toMatchObject({ amount: '5.00', amount_approved: '2.50' });
    expect(Date.parse(body['ends_at'] as string)).toBe(Date.parse(expires_at));
    const again = await admin(`/grants/${id}/approve`, { amount: '2.50', expires_at });
    expect(again).toMatchObject({ status: 200, body });
    const changed = await admin(`/grants/${id}/approve`, { amount: '3.00', expires_at });
    expect(changed).toMatchObject({ status: 409, body: { code: 'already_decided' } });
  });

  it.each([
    [{ amount: '0.00' }, 'amount: write dollars above 0'],
    [{ amount: '10001' }, 'at most "10000.00"'],
    [{ amount: 5 }, 'amount: '],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at: use an instant within a year'],
    [{ expires_at: '2999-01-01T00:00:00Z' }, 'expires_at: use an instant within a year'],
    [{ expires_at: 'tomorrow' }, 'expires_at: use an instant'],
    [{}, 'expires_at: a lifetime does not end by itself'],
    [{ user: 'x' }, 'Unrecognized'],
  ])('refuses %j of a lifetime', async (body, detail) => {
    const { id } = await asked('lifetime');
    const answer = await admin(`/grants/${id}/approve`, body);
    expect(answer).toMatchObject({ status: 400, type: 'application/problem+json' });
    expect(answer.body['detail']).toContain(detail);
  });
});

describe('the one who asked', () => {
  it('does not decide, with the key of their own or another that is theirs', async () => {
    const { id, user, key } = await asked();
    const other = await newKey({ user, scopes: ['admin'] });
    for (const own of [key, other]) {
      for (const [verb, body] of Object.entries({ approve: {}, deny: { reason: 'No' } })) {
        const answer = await admin(`/grants/${id}/${verb}`, body, own);
        expect(answer).toMatchObject({
          status: 403,
          type: 'application/problem+json',
          body: { code: 'own_request', detail: 'You asked for this yourself: somebody else has to decide.' },
        });
      }
    }
    const boss = await newKey({ user: 'boss', scopes: ['admin'] });
    const { body } = await admin(`/grants/${id}/approve`, {}, boss);
    expect(body).toMatchObject({ status: 'approved', decided_by: 'boss' });
  });

  it('is the key itself, where it asked for its app', async () => {
    const key = await newKey({ app: 'batch', scopes: ['call', 'admin'] });
    await fetch(`${server.url}/admin/v1/caps/batch`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ scope: { type: 'app', id: 'batch' }, metric: 'usd', window: 'day', limit: '1' }),
    });
    const wish = { cap: 'batch', amount: '5.00', reason: 'More batches' };
    const { body } = await send('/v1/grants', { key, body: wish });
    expect(body['requested_by']).toEqual({ type: 'app', id: 'batch' });
    const approve = `/grants/${body['id'] as string}/approve`;
    expect((await admin(approve, {}, key)).status).toBe(403);
    expect((await admin(approve, {})).body).toMatchObject({ status: 'approved' });
  });
});

describe('deny', () => {
  it('says why, to whoever looks', async () => {
    const { id, key } = await asked();
    const { status, body } = await admin(`/grants/${id}/deny`, { reason: 'The quarter is over' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'denied', denial_reason: 'The quarter is over', ends_at: null });
    expect((await send(`/v1/grants/${id}`, { key })).body).toEqual(body);
    expect(await admin(`/grants/${id}/approve`, {})).toMatchObject({
      status: 409,
      body: {
        detail: expect.stringMatching(
          /^It was denied by admin at .*; the first decision stands\.$/,
        ) as unknown,
      },
    });
  });

  it('wants a reason', async () => {
    const { id } = await asked();
    expect((await admin(`/grants/${id}/deny`, {})).status).toBe(400);
    expect((await admin(`/grants/${id}/deny`, { reason: ' ' })).status).toBe(400);
  });
});

describe('lists', () => {
  it('are by status, oldest first, page after page', async () => {
    const ids = [(await asked()).id, (await asked()).id, (await asked()).id];
    await admin(`/grants/${ids[1]!}/deny`, { reason: 'No' });
    const seen: string[] = [];
    let cursor: unknown = '';
    while (cursor !== null) {
      const { body } = await admin(`/grants?limit=1${cursor === '' ? '' : `&cursor=${cursor as string}`}`);
      seen.push(...(body['items'] as { id: string }[]).map(({ id }) => id));
      cursor = body['next_cursor'];
    }
    expect(seen.filter((id) => ids.includes(id))).toEqual([ids[0], ids[2]]);
    const denied = (await admin('/grants?status=denied')).body['items'] as { id: string }[];
    expect(denied.map(({ id }) => id)).toContain(ids[1]);
    expect((await admin('/grants?status=done')).status).toBe(400);
  });

  it('and what is not there', async () => {
    expect((await admin('/grants/grant_00000000000000000000000000')).status).toBe(404);
    expect((await admin('/grants/grant_00000000000000000000000000/approve', {})).status).toBe(404);
    expect((await admin('/grants/nonsense')).status).toBe(400);
    expect((await admin('/grants', undefined, 'nobody')).status).toBe(401);
  });

  it('are in the OpenAPI document', async () => {
    const { paths } = (await admin('/openapi.json')).body as { paths: Record<string, object> };
    expect(Object.keys(paths).filter((path) => path.includes('/grants'))).toEqual([
      '/admin/v1/grants',
      '/admin/v1/grants/{id}',
      '/admin/v1/grants/{id}/approve',
      '/admin/v1/grants/{id}/deny',
    ]);
  });
});

/** Contract 2: which paths reach what, and that there is no ungated route. */
import { describe, expect, it } from 'vitest';
import { openGateway, userCap } from '../support/gateways.ts';
import { noAnswer, notSent, plain } from '../support/scripted-upstream.ts';
import { CALLS, chatCall, messagesCall } from './dialects.ts';

describe.each(CALLS)('$name', (call) => {
  const bare = call.path.replace('/v1', '');
  it.each([bare, `/v1${bare}`, `/v1/v1${bare}`, `/v1${bare}?beta=true`])('answers at %s', async (path) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(call.answer));
    expect((await gateway.call(path, call.body, call.headers)).status).toBe(200);
    expect(gateway.upstream.sent[0]).toMatchObject({
      provider: call.name === 'messages' ? 'anthropic' : 'openai',
      method: 'POST',
      path: `${call.path}${path.includes('?') ? '?beta=true' : ''}`,
    });
  });

  it.each(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'])(
    'takes the key from %s',
    async (name) => {
      const gateway = await openGateway();
      gateway.upstream.next(plain(call.answer));
      const value = name === 'authorization' ? `Bearer ${gateway.key}` : gateway.key;
      const response = await gateway.call(call.path, call.body, {
        ...call.headers,
        authorization: '',
        [name]: value,
      });
      expect(response.status).toBe(200);
    },
  );

  it('takes the same key in two headers', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(call.answer));
    const response = await gateway.call(call.path, call.body, { ...call.headers, 'x-api-key': gateway.key });
    expect(response.status).toBe(200);
  });
});

describe('everything else is refused', () => {
  it.each([
    ['POST', '/v1/completions'],
    ['POST', '/v1/images/edits'],
    ['POST', '/v1/images/variations'],
    ['POST', '/v1/audio/translations'],
    ['POST', '/v1/files'],
    ['POST', '/v1/batches'],
    ['POST', '/v1/messages/batches'],
    ['GET', '/v1/responses/resp_1'],
    ['DELETE', '/v1/responses/resp_1'],
    ['GET', '/v1/chat/completions'],
    ['PUT', '/v1/chat/completions'],
    ['POST', '/v1/v1/v1/chat/completions'],
    ['POST', '/v2/chat/completions'],
    ['POST', '/v1//chat/completions'],
    ['POST', '/v1/chat/completions/'],
    ['POST', '/v1/chat/completions/../../files'],
    ['POST', '/v1/%63hat/completions/x'],
    ['POST', '/v1beta/models/gemini:generateContent'],
    ['GET', '/'],
    ['GET', '/v1'],
  ])('%s %s', async (method, path) => {
    const gateway = await openGateway();
    const body = method === 'POST' || method === 'PUT' ? chatCall.body : undefined;
    const [openAi, anthropic] = await Promise.all([
      gateway.request(method, path, body),
      gateway.request(method, path, body, messagesCall.headers),
    ]);
    expect(openAi.status).toBe(404);
    expect(await openAi.json()).toMatchObject({
      error: { type: 'invalid_request_error', code: 'endpoint_not_metered' },
    });
    expect(anthropic.status).toBe(404);
    expect(await anthropic.json()).toMatchObject({
      type: 'error',
      error: { type: 'not_found_error', details: { code: 'endpoint_not_metered' } },
    });
    expect(openAi.headers.get('x-spendcap-request-id')).toMatch(/^req_/);
    expect(gateway.upstream.sent).toEqual([]);
  });
});

describe('free routes', () => {
  it.each(['/api/hello', '/v1/api/hello'])(
    'HEAD %s answers the start-up probe without a key',
    async (path) => {
      const gateway = await openGateway();
      const response = await gateway.request('HEAD', path, undefined, { authorization: '' });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('');
    },
  );

  it('GET /api/hello is no probe', async () => {
    const gateway = await openGateway();
    expect((await gateway.get('/api/hello')).status).toBe(404);
  });

  it('GET /healthz says that it is ready', async () => {
    const gateway = await openGateway();
    expect((await gateway.request('GET', '/healthz', undefined, { authorization: '' })).status).toBe(200);
  });

  it('GET /v1/models lists what has a price, in the shape of OpenAI', async () => {
    const gateway = await openGateway();
    const { object, data } = (await (await gateway.get('/v1/models')).json()) as {
      object: string;
      data: { id: string }[];
    };
    expect(object).toBe('list');
    expect(data.find(({ id }) => id === 'gpt-4.1')).toEqual({
      id: 'gpt-4.1',
      object: 'model',
      created: 1_744_588_800, // 2025-04-14
      owned_by: 'openai',
    });
    expect(data.some(({ id }) => id.includes('claude'))).toBe(false);
  });

  it('and in the shape of Anthropic where anthropic-version is named', async () => {
    const gateway = await openGateway();
    const list = (await (await gateway.get('/v1/models?limit=1000', messagesCall.headers)).json()) as {
      data: { id: string }[];
      has_more: boolean;
      first_id: string;
      last_id: string;
    };
    expect(list.data.find(({ id }) => id === 'claude-haiku-4-5')).toEqual({
      type: 'model',
      id: 'claude-haiku-4-5',
      display_name: 'claude-haiku-4-5',
      description: '$1 in, $5 out per million tokens',
      created_at: '2025-10-01T00:00:00Z',
    });
    expect(list).toMatchObject({
      has_more: false,
      first_id: list.data[0]!.id,
      last_id: list.data.at(-1)!.id,
    });
    expect(list.data.some(({ id }) => id.includes('gpt'))).toBe(false);
  });

  it.each([
    ['/v1/messages/count_tokens', messagesCall.headers, '{"input_tokens":9,"x":1.0}'],
    ['/v1/v1/messages/count_tokens', messagesCall.headers, '{"input_tokens":9,"x":1.0}'],
    ['/v1/responses/input_tokens', {}, '{"object":"response.input_tokens","input_tokens":9}'],
    ['/responses/input_tokens', {}, '{"object":"response.input_tokens","input_tokens":9}'],
  ])('POST %s counts for free, also once the cap is used up', async (path, headers, answer) => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap('0.008172') } });
    gateway.upstream.next(noAnswer, plain(answer, { headers: { 'set-cookie': 'a=1' } }));
    await gateway.call(chatCall.path, chatCall.body);
    expect((await gateway.call(chatCall.path, chatCall.body)).status).toBe(429);

    const response = await gateway.call(path, '{"model":"any", "x":1.0}', headers);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(answer);
    expect(response.headers.has('set-cookie')).toBe(false);
    expect(gateway.upstream.sent[1]).toMatchObject({
      path: path.replace(/^(\/v1)*/, '/v1'),
      body: '{"model":"any", "x":1.0}',
    });
    expect(await gateway.account()).toMatchObject({ settled: '0.008172', held: '0.00', holds: 0 });
  });

  it.each([
    ['/v1/messages/count_tokens', messagesCall.headers],
    ['/v1/responses/input_tokens', {}],
  ])('POST %s names its request also when the provider is away', async (path, headers) => {
    const gateway = await openGateway();
    gateway.upstream.next(notSent);
    const response = await gateway.call(path, '{}', headers);
    const requestId = response.headers.get('x-spendcap-request-id');
    expect(response.status).toBe(502);
    expect(requestId).toMatch(/^req_/);
    expect(response.headers.get('request-id') ?? response.headers.get('x-request-id')).toBe(requestId);
  });

  it.each([
    ['POST', '/v1/messages/count_tokens', 401],
    ['GET', '/v1/models', 401],
    ['GET', '/v1/budget', 401],
    ['GET', '/v1/requests/req_1', 401],
  ])('%s %s wants a key all the same', async (method, path, status) => {
    const gateway = await openGateway();
    const body = method === 'POST' ? '{}' : undefined;
    const response = await gateway.request(method, path, body, { authorization: 'Bearer x' });
    expect(response.status).toBe(status);
    expect(gateway.upstream.sent).toEqual([]);
  });

  it('GET /v1/budget shows the caller their caps, before the first call and after it', async () => {
    const gateway = await openGateway({ caps: { 'alice-month': userCap('20.00', { window: 'month' }) } });
    const row = {
      id: 'alice-month',
      scope: { type: 'user', id: 'alice' },
      metric: 'usd',
      window: 'month',
      limit: '20.00',
      effective_limit: '20.00',
      settled: '0.00',
      reserved: '0.00',
      remaining: '20.00',
      resets_at: '2026-12-01T00:00:00Z',
      stage: 'normal',
      as_of: '2026-11-24T12:00:00Z',
    };
    expect(await (await gateway.get('/v1/budget')).json()).toEqual({ user: 'alice', caps: [row] });
    gateway.upstream.next(plain(chatCall.answer));
    await gateway.call(chatCall.path, chatCall.body);
    expect(await (await gateway.get('/v1/budget')).json()).toEqual({
      user: 'alice',
      caps: [{ ...row, settled: '0.00006', remaining: '19.99994' }],
    });
  });

  it.each(['/v1/budget', '/v1/requests/req_r50n262i9e63egls3dd2bi7j3m'])(
    'GET %s answers 503 while the ledger cannot be reached',
    async (path) => {
      const gateway = await openGateway();
      gateway.setTableDown(true);
      const response = await gateway.get(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
    },
  );

  it('GET /v1/requests/{id} shows nobody the call of another', async () => {
    const caps = { every: userCap('1.00', { scope: { type: 'user', id: '*' } }) };
    const gateway = await openGateway({ caps, key: { user: null } });
    gateway.upstream.next(plain(chatCall.answer));
    const called = await gateway.call(chatCall.path, chatCall.body, { 'x-spendcap-user': 'alice' });
    const path = `/v1/requests/${called.headers.get('x-spendcap-request-id')}`;
    expect((await gateway.get(path, { 'x-spendcap-user': 'alice' })).status).toBe(200);
    const other = await gateway.get(path, { 'x-spendcap-user': 'bob' });
    expect(other.status).toBe(404);
    expect(await other.json()).toMatchObject({ error: { code: 'request_not_found' } });
  });
});

/** Contract 5: each refusal in both dialects, word for word, with no upstream request and no hold. */
import { describe, expect, it } from 'vitest';
import { openGateway, userCap, type GatewayOptions, type TestGateway } from '../support/gateways.ts';
import { LiveAnswer, noAnswer, plain } from '../support/scripted-upstream.ts';
import { chatCall, messagesCall, type DialectCall } from './dialects.ts';

interface ErrorBody {
  type?: string;
  error: {
    type: string;
    code?: string;
    message: string;
    charge?: Record<string, unknown>;
    details?: { code: string; charge?: Record<string, unknown> };
  };
}

interface Refused {
  name: string;
  options?: GatewayOptions;
  /** Earlier calls; resolves to what must be let go at the end. */
  before?: (gateway: TestGateway, call: DialectCall) => Promise<unknown>;
  body?: (call: DialectCall) => string;
  headers?: Record<string, string>;
  status: number;
  openAi: { type: string; code: string };
  anthropicType: string;
  shouldRetry: string | null;
  retryAfter?: string;
}

const invalidRequest = {
  status: 400,
  anthropicType: 'invalid_request_error',
  shouldRetry: 'false',
} as const;
const inOpenAi = (code: string, type = 'invalid_request_error') => ({ type, code });
const ONE_KEY = { 'idempotency-key': 'k1' };

const openStream = async (gateway: TestGateway, call: DialectCall, headers = {}): Promise<void> => {
  gateway.upstream.next(new LiveAnswer().script);
  const streaming = call.body.replace('"max', '"stream":true,"max');
  await gateway.call(call.path, streaming, { ...call.headers, ...headers });
};

const REFUSALS: Refused[] = [
  {
    name: 'a bad key',
    headers: { authorization: 'Bearer sck_test_nonsense' },
    status: 401,
    openAi: inOpenAi('invalid_api_key'),
    anthropicType: 'authentication_error',
    shouldRetry: 'false',
  },
  {
    name: 'a missing key',
    headers: { authorization: '' },
    status: 401,
    openAi: inOpenAi('invalid_api_key'),
    anthropicType: 'authentication_error',
    shouldRetry: 'false',
  },
  {
    name: 'two keys that disagree',
    headers: { 'x-api-key': 'sck_test_other' },
    openAi: inOpenAi('invalid_request'),
    ...invalidRequest,
  },
  {
    name: 'a user named without the right to',
    options: { key: { user: null, scopes: ['call'] } },
    headers: { 'x-spendcap-user': 'alice' },
    status: 403,
    openAi: inOpenAi('delegate_required'),
    anthropicType: 'permission_error',
    shouldRetry: 'false',
  },
  {
    name: 'no user where the key requires one',
    options: { key: { user: null } },
    openAi: inOpenAi('user_required'),
    ...invalidRequest,
  },
  {
    name: 'no cap',
    options: { caps: {} },
    status: 403,
    openAi: inOpenAi('no_cap'),
    anthropicType: 'permission_error',
    shouldRetry: 'false',
  },
  {
    name: 'a model without a price',
    body: ({ body }) => body.replace(/"model":"[^"]+"/, '"model":"gpt-4.1-but-not"'),
    openAi: inOpenAi('model_not_priced'),
    ...invalidRequest,
  },
  {
    name: 'a tool that runs at the provider',
    body: ({ body }) => body.replace('"max', '"tools":[{"type":"web_search_20250305"}],"max'),
    openAi: inOpenAi('not_meterable'),
    ...invalidRequest,
  },
  { name: 'no JSON', body: () => '{"model":', openAi: inOpenAi('invalid_request'), ...invalidRequest },
  { name: 'an empty body', body: () => '', openAi: inOpenAi('invalid_request'), ...invalidRequest },
  {
    name: 'a body over 6 MB',
    body: ({ body }) => body.replace('Say hi.', 'a'.repeat(6 * 1024 * 1024)),
    status: 413,
    openAi: inOpenAi('request_too_large'),
    anthropicType: 'request_too_large',
    shouldRetry: 'false',
  },
  {
    name: 'an idempotency key in flight',
    before: (gateway, call) => {
      gateway.upstream.next(new LiveAnswer('application/json').script);
      void gateway.call(call.path, call.body, { ...call.headers, ...ONE_KEY });
      return gateway.upstream.hasSent(1);
    },
    headers: ONE_KEY,
    status: 409,
    openAi: inOpenAi('in_flight'),
    anthropicType: 'invalid_request_error',
    shouldRetry: null,
    retryAfter: '1',
  },
  {
    name: 'an idempotency key with another body, in flight',
    before: (gateway, call) => openStream(gateway, call, ONE_KEY),
    headers: ONE_KEY,
    status: 422,
    openAi: inOpenAi('idempotency_mismatch'),
    anthropicType: 'invalid_request_error',
    shouldRetry: 'false',
  },
  {
    name: 'an idempotency key with another body, charged',
    before: async (gateway, call) => {
      gateway.upstream.next(plain(call.answer));
      await gateway.call(call.path, call.body.replace('Say', 'say'), { ...call.headers, ...ONE_KEY });
    },
    headers: ONE_KEY,
    status: 422,
    openAi: inOpenAi('idempotency_mismatch'),
    anthropicType: 'invalid_request_error',
    shouldRetry: 'false',
  },
  {
    name: 'an idempotency key that was charged',
    before: async (gateway, call) => {
      gateway.upstream.next(plain(call.answer));
      await gateway.call(call.path, call.body, { ...call.headers, ...ONE_KEY });
    },
    headers: ONE_KEY,
    status: 409,
    openAi: inOpenAi('already_charged'),
    anthropicType: 'invalid_request_error',
    shouldRetry: 'false',
  },
  {
    name: 'a model that cost more than its bound',
    before: async (gateway, call) => {
      gateway.upstream.next(plain(call.overrunAnswer));
      await gateway.call(call.path, call.body, call.headers);
    },
    status: 503,
    openAi: inOpenAi('model_quarantined', 'api_error'),
    anthropicType: 'api_error',
    shouldRetry: 'false',
  },
  {
    name: 'a ledger that cannot be reached',
    before: async (gateway) => {
      gateway.setTableDown(true);
    },
    status: 503,
    openAi: inOpenAi('ledger_unavailable', 'api_error'),
    anthropicType: 'api_error',
    shouldRetry: null,
    retryAfter: '1',
  },
];

const DIALECTS = [
  { dialect: 'OpenAI', call: chatCall },
  { dialect: 'Anthropic', call: messagesCall },
];

describe.each(DIALECTS)('$dialect refuses', ({ dialect, call }) => {
  it.each(REFUSALS)('$name', async (refused) => {
    const gateway = await openGateway(refused.options);
    await refused.before?.(gateway, call);
    const sentBefore = gateway.upstream.sent.length;
    const body = refused.body?.(call) ?? call.body;
    const response = await gateway.call(call.path, body, { ...call.headers, ...refused.headers });
    const answer = (await response.json()) as ErrorBody;

    expect(response.status).toBe(refused.status);
    if (dialect === 'OpenAI') {
      expect(answer.error).toMatchObject(refused.openAi);
    } else {
      expect(answer).toMatchObject({
        type: 'error',
        error: { type: refused.anthropicType, details: { code: refused.openAi.code } },
        request_id: response.headers.get('x-spendcap-request-id'),
      });
    }
    expect(answer.error.message).toMatch(/^[^\n]{20,}\.$/);
    expect(response.headers.get('x-spendcap-request-id')).toMatch(/^req_[0-9a-v]+$/);
    expect(response.headers.get('x-should-retry')).toBe(refused.shouldRetry);
    expect(response.headers.get('retry-after')).toBe(refused.retryAfter ?? null);
    expect(response.headers.has('x-spendcap-reserved-usd')).toBe(false);
    expect(gateway.upstream.sent).toHaveLength(sentBefore);
  });

  it('and shows the charge of a used idempotency key', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(call.answer));
    const first = await gateway.call(call.path, call.body, { ...call.headers, ...ONE_KEY });
    const again = await gateway.call(call.path, call.body, { ...call.headers, ...ONE_KEY });
    const { error } = (await again.json()) as ErrorBody;
    const charge = dialect === 'OpenAI' ? error.charge : error.details?.charge;
    expect(charge).toMatchObject({
      request_id: first.headers.get('x-spendcap-request-id'),
      cost_usd: call.cost,
      outcome: 'settled',
    });
    expect((await gateway.viewOf(again)).charge).toEqual(charge);
  });
});

describe('what is refused leaves no trace in the ledger', () => {
  it.each(REFUSALS.filter(({ before }) => !before))('$name', async ({ options, headers, body }) => {
    const gateway = await openGateway(options);
    await gateway.call(chatCall.path, body?.(chatCall) ?? chatCall.body, headers);
    expect(await gateway.account()).toBeUndefined();
  });
});

describe('idempotency keys', () => {
  it.each(DIALECTS)('$dialect: one whose call was voided may be used again', async ({ call }) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(call.errorAnswer, { status: 500 }), plain(call.answer));
    const headers = { ...call.headers, ...ONE_KEY };
    const failed = await gateway.call(call.path, call.body, headers);
    const passed = await gateway.call(call.path, call.body, headers);
    const again = await gateway.call(call.path, call.body, headers);

    expect([failed.status, passed.status, again.status]).toEqual([500, 200, 409]);
    expect((await gateway.viewOf(failed)).charge).toMatchObject({ outcome: 'voided', cost_usd: '0.00' });
    expect((await gateway.viewOf(passed)).charge).toMatchObject({ outcome: 'settled', cost_usd: call.cost });
    expect(await gateway.account()).toMatchObject({ settled: call.cost, held: '0.00', holds: 0 });
  });

  it('of one user mean nothing to another', async () => {
    const caps = { every: userCap('1.00', { scope: { type: 'user', id: '*' } }) };
    const gateway = await openGateway({ caps, key: { user: null } });
    gateway.upstream.next(plain(chatCall.answer), plain(chatCall.answer));
    for (const user of ['alice', 'bob']) {
      const response = await gateway.call(chatCall.path, chatCall.body, {
        ...ONE_KEY,
        'x-spendcap-user': user,
      });
      expect(response.status).toBe(200);
    }
    expect(await gateway.account('every', { type: 'user', id: 'bob' })).toMatchObject({ settled: '0.00006' });
  });

  it('of a call that nobody saw end is charged at the hold', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(noAnswer);
    await gateway.call(chatCall.path, chatCall.body, ONE_KEY);
    const again = await gateway.call(chatCall.path, chatCall.body, ONE_KEY);
    const { error } = (await again.json()) as ErrorBody;
    expect(again.status).toBe(409);
    expect(error.charge).toMatchObject({ outcome: 'presumed_spent', cost_usd: '0.008172' });
  });
});

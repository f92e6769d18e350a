/**
 * Every refusal of contract 5: how it comes about, and what each dialect makes of it. Calls ask for 1,000 output tokens; gpt-4.1 costs $2 in and $8 out a million tokens,
 * claude-haiku-4-5 $1 and $5.
 */
import { expect } from 'vitest';
import { uncounted, type LocalSpendcap, type UserCap } from '../support/local-spendcap.ts';

export type Dialect = 'openai' | 'anthropic';

/** What a client is to send, and the key by which its requests are counted. */
export interface Attempt {
  key: string;
  model?: string;
  prompt?: string;
  outputTokens?: number;
  headers?: Record<string, string>;
  /** More members of the body. */
  body?: object;
}

export interface Refused {
  name: string;
  arrange: (spendcap: LocalSpendcap, dialect: Dialect) => Promise<Attempt>;
  status: number;
  /** Class of both SDKs' typed errors; null where they have none for the status. */
  error: string | null;
  openAi: { type: string; code: string };
  anthropic: { type: string; code: string };
  /** Of `limit.reason`; undefined: no cap is behind it. */
  reason?: string;
  /** The sentence for a person. */
  says: RegExp;
  /** Not where there is no output. */
  needsOutput?: true;
  /** Of a body that frameworks do not let through. */
  hasRawBody?: true;
}

export const MODEL: Record<Dialect, string> = { openai: 'gpt-4.1', anthropic: 'claude-haiku-4-5' };
export const OUTPUT_TOKENS = 1000;
/** 10 tokens in and 5 out: gpt-4.1 $0.00006, claude-haiku-4-5 $0.000035. */
export const PROMPT = 'Say hi. [[sim input=10 output=5]]';
export const TEXT = 'This answer comes fr';
export const COST: Record<Dialect, string> = { openai: '0.00006', anthropic: '0.000035' };

/** A call of the test itself, in the OpenAI dialect, not counted. 1,000 tokens out and 10 in are $0.00802. */
async function spend(
  { url }: LocalSpendcap,
  key: string,
  { prompt = '[[sim input=10 output=1000]]', headers = {} }: { prompt?: string; headers?: object } = {},
): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...uncounted(key), ...headers },
    body: JSON.stringify({
      model: 'gpt-4.1',
      max_completion_tokens: 1000,
      messages: [{ role: 'user', content: prompt }],
    }),
  });
  expect(response.status).toBe(200);
}

const openAi = (code: string) => ({ type: 'invalid_request_error', code });
const capReached = {
  status: 429,
  error: 'RateLimitError',
  openAi: { type: 'insufficient_quota', code: 'insufficient_quota' },
  anthropic: { type: 'billing_error', code: 'insufficient_quota' },
};
const invalidRequest = {
  status: 400,
  error: 'BadRequestError',
  openAi: openAi('invalid_request'),
  anthropic: { type: 'invalid_request_error', code: 'invalid_request' },
};

let nobodies = 0;

export const REFUSALS: Refused[] = [
  {
    name: 'cap reached, in dollars',
    arrange: async (spendcap) => {
      const { key } = await spendcap.newCaller([{ limit: '0.01' }]);
      await spend(spendcap, key);
      return { key };
    },
    ...capReached,
    reason: 'cap_reached',
    says: /^Your cap of \$0\.01 a month \(user-\d+-0\) is reached: \$0\.00802 spent .*; ask for more at http/,
    needsOutput: true,
  },
  {
    name: 'cap reached, in requests, for good',
    arrange: async (spendcap) => {
      const { key } = await spendcap.newCaller([{ metric: 'requests', window: 'lifetime', limit: '1' }]);
      await spend(spendcap, key);
      return { key };
    },
    ...capReached,
    reason: 'cap_reached',
    says: /is reached: 1 request used .* it does not reset/,
  },
  {
    name: 'too large for the cap at any time',
    arrange: (spendcap) => spendcap.newCaller([{ limit: '0.0000001' }]),
    ...capReached,
    reason: 'too_large',
    says: /is too small: this call needs up to \$0\.\d+/,
  },
  {
    name: 'blocked by a threshold',
    arrange: async (spendcap) => {
      const { key } = await spendcap.newCaller([{ limit: '0.016', thresholds: { block: 0.5 } }]);
      await spend(spendcap, key);
      return { key };
    },
    ...capReached,
    reason: 'blocked',
    says: /blocked/,
  },
  {
    name: 'no cap covers the caller',
    arrange: (spendcap) => spendcap.newCaller([]),
    status: 403,
    error: 'PermissionDeniedError',
    openAi: openAi('no_cap'),
    anthropic: { type: 'permission_error', code: 'no_cap' },
    says: /^No cap covers the user "user-\d+"/,
  },
  {
    name: 'a model without a price',
    arrange: async (spendcap) => ({
      ...(await spendcap.newCaller([{ limit: '5.00' }])),
      model: 'no-such-model',
    }),
    status: 400,
    error: 'BadRequestError',
    openAi: openAi('model_not_priced'),
    anthropic: { type: 'invalid_request_error', code: 'model_not_priced' },
    says: /^The model "no-such-model" has no price here/,
  },
  {
    name: 'a tool that runs at the provider',
    arrange: async (spendcap) => ({
      ...(await spendcap.newCaller([{ limit: '5.00' }])),
      body: { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    }),
    status: 400,
    error: 'BadRequestError',
    openAi: openAi('not_meterable'),
    anthropic: { type: 'invalid_request_error', code: 'not_meterable' },
    says: /web_search_20250305" runs at the provider|web_search_20250305.* cannot be bounded here/,
    needsOutput: true,
    hasRawBody: true,
  },
  {
    name: 'an output limit that is none',
    arrange: async (spendcap) => ({
      ...(await spendcap.newCaller([{ limit: '5.00' }])),
      outputTokens: -1,
    }),
    ...invalidRequest,
    says: /whole number/,
    needsOutput: true,
    hasRawBody: true,
  },
  {
    name: 'a feature that is none',
    arrange: async (spendcap) => ({
      ...(await spendcap.newCaller([{ limit: '5.00' }])),
      headers: { 'x-spendcap-feature': 'two words' },
    }),
    ...invalidRequest,
    says: /"two words" is no feature here/,
  },
  {
    name: 'two keys that disagree',
    arrange: async (spendcap) => ({
      ...(await spendcap.newCaller([{ limit: '5.00' }])),
      headers: { 'api-key': 'sck_local_another' },
    }),
    ...invalidRequest,
    says: /^Two credentials disagree/,
  },
  {
    name: 'a body over 6 MB',
    arrange: async (spendcap) => ({
      ...(await spendcap.newCaller([{ limit: '5.00' }])),
      prompt: 'many words '.repeat(600_000),
    }),
    status: 413,
    error: null,
    openAi: openAi('request_too_large'),
    anthropic: { type: 'request_too_large', code: 'request_too_large' },
    says: /larger than 6 MB/,
  },
  {
    name: 'an idempotency key with another body',
    arrange: async (spendcap) => {
      const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
      const headers = { 'idempotency-key': 'the-same' };
      await spend(spendcap, key, { headers });
      return { key, headers };
    },
    status: 422,
    error: 'UnprocessableEntityError',
    openAi: openAi('idempotency_mismatch'),
    anthropic: { type: 'invalid_request_error', code: 'idempotency_mismatch' },
    says: /used with another request body/,
  },
  {
    name: 'a key that nobody has',
    arrange: async () => {
      nobodies += 1;
      return { key: `sck_local_nobodys${nobodies}` };
    },
    status: 401,
    error: 'AuthenticationError',
    openAi: openAi('invalid_api_key'),
    anthropic: { type: 'authentication_error', code: 'invalid_api_key' },
    says: /^This key is not known/,
  },
  {
    name: 'no user where the key requires one',
    arrange: async (spendcap) => ({
      key: await spendcap.newKey({ scopes: ['call', 'delegate'], require_user: true }),
    }),
    status: 400,
    error: 'BadRequestError',
    openAi: openAi('user_required'),
    anthropic: { type: 'invalid_request_error', code: 'user_required' },
    says: /^Name the user/,
  },
  {
    name: 'a user named without the right to',
    arrange: async (spendcap) => ({
      key: await spendcap.newKey({}),
      headers: { 'x-spendcap-user': 'alice' },
    }),
    status: 403,
    error: 'PermissionDeniedError',
    openAi: openAi('delegate_required'),
    anthropic: { type: 'permission_error', code: 'delegate_required' },
    says: /^This key may not name a user/,
  },
  {
    name: 'a model in quarantine',
    arrange: async (spendcap, dialect) => {
      const model = QUARANTINED[dialect];
      await overrun(spendcap, dialect, model);
      return { ...(await spendcap.newCaller([{ limit: '5.00' }])), model };
    },
    status: 503,
    error: 'InternalServerError',
    openAi: { type: 'api_error', code: 'model_quarantined' },
    anthropic: { type: 'api_error', code: 'model_quarantined' },
    says: /is quarantined/,
    needsOutput: true,
  },
];

/** A refusal that passes by itself: met by a call while another one is in flight. */
export interface Passing extends Omit<Refused, 'arrange'> {
  caps: (dialect: Dialect) => UserCap[];
  headers?: Record<string, string>;
}

/** Pays one call of 1,000 output tokens, and not the smallest second one beside it. */
export const ONE_CALL: Record<Dialect, string> = { openai: '0.01', anthropic: '0.0075' };

const throttled = {
  status: 429,
  error: 'RateLimitError',
  openAi: { type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' },
};

export const PASSING: Passing[] = [
  {
    name: 'held',
    caps: (dialect) => [{ limit: ONE_CALL[dialect] }],
    ...throttled,
    anthropic: { type: 'rate_limit_error', code: 'held' },
    reason: 'held',
    says: /is busy: calls in flight hold \$0\.\d+ of it; this call fits as soon as they settle/,
  },
  {
    name: 'throttled',
    caps: () => [{ metric: 'concurrent', limit: '1' }, { limit: '5.00' }],
    ...throttled,
    anthropic: { type: 'rate_limit_error', code: 'throttled' },
    reason: 'throttled',
    says: /^Your cap of 1 call in flight .* is busy/,
  },
  {
    name: 'in_flight',
    caps: () => [{ limit: '5.00' }],
    headers: { 'idempotency-key': 'the-same' },
    status: 409,
    error: 'ConflictError',
    openAi: openAi('in_flight'),
    anthropic: { type: 'invalid_request_error', code: 'in_flight' },
    says: /is in flight \(request req_\w+\)/,
  },
];

/** Models that no other test uses: quarantine holds for everybody. */
const QUARANTINED: Record<Dialect, string> = { openai: 'gpt-4.1-nano', anthropic: 'claude-opus-4-5' };

/** A call that costs more than its hold; a second one is refused, which is as well. */
async function overrun(spendcap: LocalSpendcap, dialect: Dialect, model: string): Promise<void> {
  const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
  const path = dialect === 'openai' ? '/v1/chat/completions' : '/v1/messages';
  const response = await fetch(`${spendcap.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...uncounted(key) },
    body: JSON.stringify({
      model,
      max_tokens: 10,
      messages: [{ role: 'user', content: 'Hi. [[sim overrun=100000]]' }],
    }),
  });
  expect([200, 503]).toContain(response.status);
}

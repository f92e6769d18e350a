/** Contract 5 as the Anthropic SDKs tell it: one request, the typed error, our sentence, and `limit` for programs. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { startSpendcap, type LocalSpendcap } from '../support/local-spendcap.ts';
import { ANTHROPIC_MAJORS, type Anthropic } from './majors.ts';
import { MODEL, OUTPUT_TOKENS, PASSING, PROMPT, REFUSALS, type Attempt } from './refusals.ts';

let spendcap: LocalSpendcap;
beforeAll(async () => {
  spendcap = await startSpendcap({ policy: { plans: {}, heldWaitMs: 0 } });
});
afterAll(() => spendcap.close());

const bodyOf = ({
  model = MODEL.anthropic,
  prompt = PROMPT,
  outputTokens = OUTPUT_TOKENS,
  body,
}: Attempt) => ({
  model,
  max_tokens: outputTokens,
  messages: [{ role: 'user' as const, content: prompt }],
  ...body,
});
const optionsOf = ({ headers }: Attempt) => (headers ? { headers } : {});

type Send = (client: Anthropic, attempt: Attempt) => Promise<unknown>;
const SENDS: [string, Send][] = [
  ['messages', (client, attempt) => client.messages.create(bodyOf(attempt), optionsOf(attempt))],
  [
    'messages, streamed',
    (client, attempt) => client.messages.create({ ...bodyOf(attempt), stream: true }, optionsOf(attempt)),
  ],
  [
    'messages.stream()',
    (client, attempt) => client.messages.stream(bodyOf(attempt), optionsOf(attempt)).finalMessage(),
  ],
];

interface OurError {
  type: string;
  request_id: string;
  error: {
    type: string;
    message: string;
    details: { code: string; limit?: { reason: string; cap: string; request_url: string } };
  };
}

describe.each(ANTHROPIC_MAJORS)('$sdk', ({ Anthropic }) => {
  const clientOf = (key: string, options = {}): Anthropic =>
    new Anthropic({ baseURL: spendcap.url, apiKey: key, ...options });
  const failureOf = (call: Promise<unknown>) =>
    call.then(
      () => expect.unreachable('the call was let through'),
      (error: unknown) => error as InstanceType<typeof Anthropic.APIError>,
    );

  describe.each(SENDS)('%s', (_, send) => {
    it.each(REFUSALS)(
      '$name: $status $anthropic.type',
      async ({ arrange, status, error: name, anthropic, reason, says }) => {
        const attempt = await arrange(spendcap, 'anthropic');
        spendcap.provider.forget();
        const failure = await failureOf(send(clientOf(attempt.key), attempt));

        expect(failure).toBeInstanceOf(name === null ? Anthropic.APIError : Anthropic[name as 'APIError']);
        expect(failure.status).toBe(status);
        const told = failure.error as OurError;
        const requestId = failure.headers?.get('x-spendcap-request-id');
        expect(requestId).toMatch(/^req_\w+$/);
        expect(told).toMatchObject({
          type: 'error',
          request_id: requestId,
          error: { type: anthropic.type, details: { code: anthropic.code } },
        });
        expect(failure.requestID).toBe(requestId);
        expect(told.error.message).toMatch(says);
        expect(failure.message).toContain(JSON.stringify(told.error.message));
        expect(told.error.details.limit?.reason).toBe(reason);
        expect(failure.headers?.get('x-should-retry')).toBe('false');
        expect(spendcap.arrivals(attempt.key)).toHaveLength(1);
        expect(spendcap.provider.requests()).toHaveLength(0);
      },
    );
  });

  it.each(PASSING)(
    '$name: $status $anthropic.type, and nothing that keeps the SDK from coming back',
    async (passing) => {
      const { key } = await spendcap.newCaller(passing.caps('anthropic'));
      spendcap.provider.forget();
      const body = bodyOf({ key, prompt: 'Say hi. [[sim input=10 output=5 delay=250]]' });
      const options = passing.headers ? { headers: passing.headers } : {};
      const first = clientOf(key).messages.create(body, options);
      await vi.waitFor(() => expect(spendcap.provider.requests()).toHaveLength(1));

      const failure = await failureOf(clientOf(key, { maxRetries: 0 }).messages.create(body, options));
      expect(failure).toBeInstanceOf(Anthropic[passing.error as 'APIError']);
      expect(failure.status).toBe(passing.status);
      const { type, message, details } = (failure.error as OurError).error;
      expect({ type, code: details.code }).toEqual(passing.anthropic);
      expect(message).toMatch(passing.says);
      expect(details.limit?.reason).toBe(passing.reason);
      expect(Number(failure.headers?.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(failure.headers?.has('x-should-retry')).toBe(false);
      expect(spendcap.provider.requests()).toHaveLength(1);
      await first;
    },
  );

  it('ledger_unavailable: 503', async () => {
    const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
    vi.spyOn(Ledger.prototype, 'reserve').mockResolvedValueOnce({ kind: 'unavailable', reason: 'a test' });
    spendcap.provider.forget();
    const failure = await failureOf(clientOf(key, { maxRetries: 0 }).messages.create(bodyOf({ key })));
    vi.restoreAllMocks();
    expect(failure).toBeInstanceOf(Anthropic.InternalServerError);
    expect((failure.error as OurError).error).toMatchObject({
      type: 'api_error',
      message: expect.stringMatching(/^The budget ledger cannot be reached/) as string,
      details: { code: 'ledger_unavailable' },
    });
    expect(failure.headers?.get('retry-after')).toBe('1');
    expect(spendcap.provider.requests()).toHaveLength(0);
  });

  it('a cap denial speaks the published contract for gateways', async () => {
    const { key } = await spendcap.newCaller([{ limit: '0.0000001' }]);
    const { headers } = await failureOf(clientOf(key).messages.create(bodyOf({ key })));
    const told = Object.fromEntries(
      [...headers!].filter(([name]) => name.startsWith('anthropic-ratelimit-')),
    );
    const reset = expect.stringMatching(/^\d{10}$/) as string;
    expect(told).toEqual({
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': reset,
      'anthropic-ratelimit-unified-overage-reset': reset,
      'anthropic-ratelimit-unified-overage-utilization': '1',
      'anthropic-ratelimit-unified-overage-surpassed-threshold': '1',
      'anthropic-ratelimit-unified-overage-period': 'monthly',
      'anthropic-ratelimit-unified-overage-disabled-reason': 'org_spend_cap_reached',
    });
  });

  it('an endpoint that is not metered: 404', async () => {
    const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
    const failure = await failureOf(clientOf(key).messages.batches.create({ requests: [] }));
    expect(failure).toBeInstanceOf(Anthropic.NotFoundError);
    expect((failure.error as OurError).error).toMatchObject({
      type: 'not_found_error',
      details: { code: 'endpoint_not_metered' },
    });
    expect(failure.message).toContain('POST /v1/messages/batches is not metered by Spendcap');
    expect(spendcap.arrivals(key)).toHaveLength(1);
  });

  it('already_charged: the charge, and one request', async () => {
    const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
    const headers = { 'idempotency-key': 'the-same' };
    const send = () => clientOf(key).messages.create(bodyOf({ key }), { headers });
    await send();
    const failure = await failureOf(send());
    expect(failure).toBeInstanceOf(Anthropic.ConflictError);
    expect((failure.error as OurError).error).toMatchObject({
      type: 'invalid_request_error',
      details: { code: 'already_charged', charge: { cost_usd: '0.000035', outcome: 'settled' } },
    });
    expect(spendcap.arrivals(key)).toHaveLength(2);
  });
});

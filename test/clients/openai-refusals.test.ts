/** Contract 5 as the OpenAI SDKs tell it: one request, the typed error, our sentence, and `limit` for programs. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { startSpendcap, type LocalSpendcap } from '../support/local-spendcap.ts';
import { OPENAI_MAJORS, type OpenAI } from './majors.ts';
import { MODEL, OUTPUT_TOKENS, PASSING, PROMPT, REFUSALS, type Attempt } from './refusals.ts';

let spendcap: LocalSpendcap;
beforeAll(async () => {
  spendcap = await startSpendcap({ policy: { plans: {}, heldWaitMs: 0 } });
});
afterAll(() => spendcap.close());

type Send = (client: OpenAI, attempt: Attempt) => Promise<unknown>;

const chat =
  (stream: boolean): Send =>
  (client, { model = MODEL.openai, prompt = PROMPT, outputTokens = OUTPUT_TOKENS, headers, body }) =>
    client.chat.completions.create(
      {
        model,
        stream,
        max_completion_tokens: outputTokens,
        messages: [{ role: 'user', content: prompt }],
        ...body,
      },
      { headers },
    );
const responses =
  (stream: boolean): Send =>
  (client, { model = MODEL.openai, prompt = PROMPT, outputTokens = OUTPUT_TOKENS, headers, body }) =>
    client.responses.create(
      { model, stream, max_output_tokens: outputTokens, input: prompt, ...body },
      { headers },
    );
const embeddings: Send = (
  client,
  { model = 'text-embedding-3-small', prompt = 'Say hi. [[sim input=10]]', headers },
) => client.embeddings.create({ model, input: prompt }, { headers });

const ENDPOINTS = [
  { endpoint: 'chat', send: chat(false), hasOutput: true },
  { endpoint: 'chat, streamed', send: chat(true), hasOutput: true },
  { endpoint: 'responses', send: responses(false), hasOutput: true },
  { endpoint: 'responses, streamed', send: responses(true), hasOutput: true },
  { endpoint: 'embeddings', send: embeddings, hasOutput: false },
];

interface OurError {
  message: string;
  limit?: { reason: string; cap: string; request_url: string };
}

describe.each(OPENAI_MAJORS)('$sdk', ({ OpenAI }) => {
  const clientOf = (key: string, options = {}): OpenAI =>
    new OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: key, ...options });
  const failureOf = (call: Promise<unknown>) =>
    call.then(
      () => expect.unreachable('the call was let through'),
      (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
    );

  describe.each(ENDPOINTS)('$endpoint', ({ send, hasOutput }) => {
    it.each(REFUSALS.filter(({ needsOutput }) => hasOutput || needsOutput !== true))(
      '$name: $status $openAi.code',
      async ({ arrange, status, error: name, openAi, reason, says }) => {
        const attempt = await arrange(spendcap, 'openai');
        spendcap.provider.forget();
        const failure = await failureOf(send(clientOf(attempt.key), attempt));

        expect(failure.constructor).toBe(name === null ? OpenAI.APIError : OpenAI[name as 'APIError']);
        expect(failure).toMatchObject({ status, ...openAi });
        const error = failure.error as OurError;
        expect(error.message).toMatch(says);
        expect(failure.message).toBe(`${status} ${error.message}`);
        expect(error.limit?.reason).toBe(reason);
        if (reason !== undefined) expect(error.limit).toMatchObject({ cap: expect.any(String) as string });
        expect(failure.headers?.get('x-spendcap-request-id')).toMatch(/^req_\w+$/);
        expect(failure.headers?.get('x-should-retry')).toBe('false');
        expect(spendcap.arrivals(attempt.key)).toHaveLength(1);
        expect(spendcap.provider.requests()).toHaveLength(0);
      },
    );
  });

  it.each(PASSING)(
    '$name: $status $openAi.code, and nothing that keeps the SDK from coming back',
    async (passing) => {
      const { key } = await spendcap.newCaller(passing.caps('openai'));
      spendcap.provider.forget();
      const prompt = 'Say hi. [[sim input=10 output=5 delay=250]]';
      const attempt = { key, prompt, ...(passing.headers && { headers: passing.headers }) };
      const first = chat(false)(clientOf(key), attempt);
      await vi.waitFor(() => expect(spendcap.provider.requests()).toHaveLength(1));

      const failure = await failureOf(chat(false)(clientOf(key, { maxRetries: 0 }), attempt));
      expect(failure.constructor).toBe(OpenAI[passing.error as 'APIError']);
      expect(failure).toMatchObject({ status: passing.status, ...passing.openAi });
      const error = failure.error as OurError;
      expect(error.message).toMatch(passing.says);
      expect(error.limit?.reason).toBe(passing.reason);
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
    const failure = await failureOf(chat(false)(clientOf(key, { maxRetries: 0 }), { key }));
    vi.restoreAllMocks();
    expect(failure).toBeInstanceOf(OpenAI.InternalServerError);
    expect(failure).toMatchObject({ status: 503, type: 'api_error', code: 'ledger_unavailable' });
    expect(failure.message).toMatch(/The budget ledger cannot be reached/);
    expect(failure.headers?.get('retry-after')).toBe('1');
    expect(spendcap.provider.requests()).toHaveLength(0);
  });

  it('an endpoint that is not metered: 404', async () => {
    const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
    const failure = await failureOf(
      clientOf(key).moderations.create({ model: 'omni-moderation-latest', input: 'A cap.' }),
    );
    expect(failure).toBeInstanceOf(OpenAI.NotFoundError);
    expect(failure.code).toBe('endpoint_not_metered');
    expect(failure.message).toContain('POST /v1/moderations is not metered by Spendcap');
    expect(spendcap.arrivals(key)).toHaveLength(1);
  });

  it('already_charged: the charge, and one request', async () => {
    const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
    const headers = { 'idempotency-key': 'the-same' };
    const once = () => chat(false)(clientOf(key), { key, headers });
    await once();
    const failure = await failureOf(once());
    expect(failure).toBeInstanceOf(OpenAI.ConflictError);
    expect(failure).toMatchObject({ type: 'invalid_request_error', code: 'already_charged' });
    expect(failure.error).toMatchObject({ charge: { cost_usd: '0.00006', outcome: 'settled' } });
    expect(spendcap.arrivals(key)).toHaveLength(2);
  });

  it('a key whose call was voided may be used again', async () => {
    const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
    const headers = { 'idempotency-key': 'the-same' };
    const prompt = 'Say hi. [[sim status=400]]';
    const once = () => failureOf(chat(false)(clientOf(key), { key, headers, prompt }));
    expect((await once()).message).toContain('simulated');
    spendcap.provider.forget();
    expect((await once()).message).toContain('simulated');
    expect(spendcap.provider.requests()).toHaveLength(1);
  });
});

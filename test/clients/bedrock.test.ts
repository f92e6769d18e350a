/** What the AWS SDK for JavaScript gets, over HTTP/2 as it insists: answers with their cost, and refusals it does not repeat. */
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import {
  BEDROCK_COST,
  BEDROCK_MODEL,
  bedrockClient,
  converse,
  failureOf,
  readStream,
  type BedrockCall,
} from './bedrock.ts';
import { PROVIDER_ERRORS, UNREADABLE_USAGE } from './endings.ts';
import { REFUSALS, TEXT } from './refusals.ts';

let spendcap: LocalSpendcap;
let caller: Caller;
let seen: Record<string, string>[];
const clients: BedrockRuntimeClient[] = [];
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());
beforeEach(async () => {
  caller = await spendcap.newCaller([{ limit: '5.00' }]);
  spendcap.provider.forget();
  seen = [];
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  vi.unstubAllEnvs();
});

function clientOf(more: Partial<BedrockCall> = {}): BedrockRuntimeClient {
  const client = bedrockClient({ url: spendcap.url, key: caller.key, ...more }, seen);
  clients.push(client);
  return client;
}

async function expectSettled(): Promise<void> {
  expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: BEDROCK_COST });
  expect(spendcap.provider.requests()).toHaveLength(1);
}
async function expectPresumed(): Promise<void> {
  const charge = await caller.onlyCharge();
  expect(charge.outcome).toBe('presumed_spent');
  expect(charge.cost_usd).toBe(charge.reserved_usd);
  expect(spendcap.provider.requests()).toHaveLength(1);
}

describe('an answer', () => {
  it('of Converse, with its cost', async () => {
    const answer = await clientOf().send(new ConverseCommand(converse()));
    expect(answer).toMatchObject({
      output: { message: { role: 'assistant', content: [{ text: TEXT }] } },
      stopReason: 'end_turn',
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 },
      $metadata: { httpStatusCode: 200, attempts: 1 },
    });
    expect(seen).toMatchObject([
      {
        'x-spendcap-cost-usd': BEDROCK_COST,
        'x-spendcap-model': BEDROCK_MODEL,
        'x-spendcap-price-version': `bedrock/${BEDROCK_MODEL}@2026-08-21`,
        'x-spendcap-cap': `${caller.user}-0`,
        'x-spendcap-cap-remaining': '4.9999615',
        'x-spendcap-stage': 'normal',
      },
    ]);
    await expectSettled();
  });

  it('of ConverseStream, event by event', async () => {
    const { stream } = await clientOf().send(new ConverseStreamCommand(converse()));
    const events = [];
    for await (const event of stream!) events.push(event);
    expect(events.map((event) => event.contentBlockDelta?.delta?.text ?? '').join('')).toBe(TEXT);
    expect(events[0]).toEqual({ messageStart: { role: 'assistant' } });
    expect(events.at(-2)).toEqual({ messageStop: { stopReason: 'end_turn' } });
    expect(events.at(-1)).toMatchObject({ metadata: { usage: { inputTokens: 10, outputTokens: 5 } } });
    expect(seen[0]!['x-spendcap-reserved-usd']).toMatch(/^0\.00\d+$/);
    await expectSettled();
  });

  it('with a tool, plain and streamed', async () => {
    const toolConfig = {
      tools: [{ toolSpec: { name: 'look', inputSchema: { json: { type: 'object' } } } }],
    };
    const call = converse('[[sim tool output=20]]', { toolConfig });
    const answer = await clientOf().send(new ConverseCommand(call));
    expect(answer.stopReason).toBe('tool_use');
    expect(answer.output?.message?.content?.[0]?.toolUse?.name).toBe('look');
    const { stream } = await clientOf().send(new ConverseStreamCommand(call));
    let input = '';
    for await (const event of stream!) input += event.contentBlockDelta?.delta?.toolUse?.input ?? '';
    expect(JSON.parse(input)).toEqual({ text: expect.any(String) as string });
  });

  it('is cut at the output limit that Spendcap sets', async () => {
    const { modelId, messages } = converse('[[sim output=limit]]');
    await spendcap.setCaps(caller, [{ limit: '0.01' }]);
    const answer = await clientOf().send(new ConverseCommand({ modelId, messages }));
    expect(answer.stopReason).toBe('max_tokens');
    const [request] = spendcap.provider.requests();
    const limit = seen[0]!['x-spendcap-max-output-tokens'];
    expect(request!.body).toMatchObject({ inferenceConfig: { maxTokens: Number(limit) } });
  });

  it('comes to a client that has nothing but the two variables of AWS', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_BEDROCK_RUNTIME', spendcap.url);
    vi.stubEnv('AWS_BEARER_TOKEN_BEDROCK', caller.key);
    const client = new BedrockRuntimeClient({ region: 'us-east-1' });
    clients.push(client);
    await client.send(new ConverseCommand(converse()));
    await expectSettled();
  });
});

const EXCEPTIONS: Record<string, [status: number, name: string]> = {
  insufficient_quota: [402, 'ServiceQuotaExceededException'],
  no_cap: [403, 'AccessDeniedException'],
  model_not_priced: [400, 'ValidationException'],
  invalid_request: [400, 'ValidationException'],
  request_too_large: [413, 'ValidationException'],
  idempotency_mismatch: [422, 'ValidationException'],
  invalid_api_key: [403, 'AccessDeniedException'],
  user_required: [400, 'ValidationException'],
  delegate_required: [403, 'AccessDeniedException'],
};
/** `hasRawBody`: of another dialect's members; a quarantine needs a model of its own. */
const COMMON = REFUSALS.filter(({ hasRawBody, openAi }) => !hasRawBody && openAi.code in EXCEPTIONS);

describe.each(COMMON)('refused: $name', ({ arrange, openAi, says }) => {
  const [status, name] = EXCEPTIONS[openAi.code]!;

  it.each([
    ['Converse', (input: object) => new ConverseCommand(input as never)],
    ['ConverseStream', (input: object) => new ConverseStreamCommand(input as never) as never],
  ] as const)(`%s: ${status} ${name}, once`, async (_, commandOf) => {
    const { key, model, prompt, headers } = await arrange(spendcap, 'openai');
    spendcap.provider.forget();
    const input = converse(prompt, { ...(model !== undefined && { modelId: model }) });
    const error = await failureOf(clientOf({ key, headers }).send(commandOf(input)));
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode: status, attempts: 1 } });
    expect(error.message).toMatch(says);
    expect(error.$metadata.requestId).toMatch(/^req_\w+$/);
    expect(spendcap.provider.requests()).toEqual([]);
  });
});

describe('refused', () => {
  it('a model in quarantine, and it cost nothing', async () => {
    const modelId = 'us.amazon.nova-micro-v1:0';
    const call = { ...converse('[[sim overrun=100000]]'), modelId };
    await clientOf().send(new ConverseCommand(call));
    spendcap.provider.forget();
    const error = await failureOf(clientOf({ maxAttempts: 1 }).send(new ConverseCommand(call)));
    expect(error).toMatchObject({
      name: 'ServiceUnavailableException',
      message: expect.stringContaining('is quarantined') as string,
    });
    expect(spendcap.provider.requests()).toEqual([]);
  });

  it('InvokeModel, which is not metered', async () => {
    const call = new InvokeModelCommand({ modelId: BEDROCK_MODEL, body: '{}' });
    expect(await failureOf(clientOf().send(call))).toMatchObject({
      name: 'ResourceNotFoundException',
      message: expect.stringContaining('is not metered by Spendcap') as string,
      $metadata: { httpStatusCode: 404, attempts: 1 },
    });
  });

  it('for the moment: throttled, and the SDK waits and tries again', async () => {
    await spendcap.setCaps(caller, [{ metric: 'concurrent', limit: '1' }]);
    const { stream } = await clientOf().send(
      new ConverseStreamCommand(converse('[[sim input=10 output=8 chunks=8 chunk-delay=300]]')),
    );
    const events = stream![Symbol.asyncIterator]();
    await events.next();
    const second = clientOf().send(new ConverseCommand(converse()));
    while (!(await events.next()).done);
    expect((await second).$metadata.httpStatusCode).toBe(200);
    const error = { 'x-amzn-errortype': 'ThrottlingException', 'x-should-retry': undefined };
    const refusals = seen.filter((headers) => headers['x-amzn-errortype'] !== undefined);
    for (const headers of refusals) {
      expect(headers).toMatchObject(JSON.parse(JSON.stringify(error)) as object);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }
  });
});

describe('an ending', () => {
  it.each([
    ['reset', 'reset=after-4', 'ValidationException', /broke off/],
    ['ended early', 'end=early', 'ValidationException', /broke off/],
    ['failed', 'error=mid', 'ModelStreamErrorException', /The model failed/],
  ])('of a stream that is %s: never a clean one', async (_, directive, name, says) => {
    const call = converse(`[[sim input=10 output=20 ${directive}]]`);
    const { stream } = await clientOf().send(new ConverseStreamCommand(call));
    const error = await failureOf(readStream(stream));
    expect(error).toMatchObject({ name });
    expect(error.message).toMatch(says);
    await expectPresumed();
  });

  it.each([
    ['nothing', 'reset=before', /^The provider did not answer/],
    ['half an answer', 'reset=after-20', /broke off/],
  ])('of a plain call with %s: 424, which the SDK does not repeat', async (_, directive, says) => {
    const error = await failureOf(clientOf().send(new ConverseCommand(converse(`[[sim ${directive}]]`))));
    expect(error).toMatchObject({
      name: 'ModelErrorException',
      $metadata: { httpStatusCode: 424, attempts: 1 },
    });
    expect(error.message).toMatch(says);
    await expectPresumed();
  });

  it.each(PROVIDER_ERRORS)("$status, the provider's own: $outcome", async ({ status, outcome }) => {
    const client = clientOf({ maxAttempts: 1 });
    const error = await failureOf(client.send(new ConverseCommand(converse(`[[sim status=${status}]]`))));
    expect(error.$metadata.httpStatusCode).toBe(status);
    expect(error.message).toMatch(/simulated/);
    expect((await caller.onlyCharge()).outcome).toBe(outcome);
  });

  it.each(UNREADABLE_USAGE)('whole, with %s: charged at the hold', async (directive) => {
    const call = new ConverseStreamCommand(converse(`[[sim ${directive}]]`));
    const { stream } = await clientOf().send(call);
    expect((await readStream(stream)).last).toBe('metadata');
    await expectPresumed();
  });

  it.each([
    ['by its signal', (leaving: AbortController) => leaving.abort()],
    ['by closing its connections', (_: AbortController, client: BedrockRuntimeClient) => client.destroy()],
  ])('of a client that leaves %s: drained and settled', async (_, leave) => {
    const leaving = new AbortController();
    const client = clientOf();
    const { stream } = await client.send(
      new ConverseStreamCommand(converse('[[sim input=10 output=5 chunks=5 chunk-delay=20]]')),
      { abortSignal: leaving.signal },
    );
    const events = stream![Symbol.asyncIterator]();
    await events.next();
    await events.next();
    leave(leaving, client);
    await events.return?.().catch(() => undefined);
    await expectSettled();
    expect(spendcap.provider.requests()).toMatchObject([{ outcome: 'answered', client: 'stayed' }]);
  });
});

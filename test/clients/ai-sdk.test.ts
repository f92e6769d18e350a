/**
 * The AI SDK (ai 7, @ai-sdk/openai 4, @ai-sdk/anthropic 4). It retries by status alone, whatever the headers say
 * (408, 409, 429 and 500 up; checked 2026-11-24), so cap denials come to it as 402.
 */
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, embed, generateText, jsonSchema, streamText, tool, type ToolSet } from 'ai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { AI_SDK_CLIENTS, aiSdkAnthropic, aiSdkOpenAi, streamed } from './clients.ts';
import { BROKEN_STREAMS, PROVIDER_ERRORS, UNANSWERED, UNREADABLE_USAGE_READ } from './endings.ts';
import { COST, MODEL, PROMPT, REFUSALS, TEXT, type Dialect } from './refusals.ts';

let spendcap: LocalSpendcap;
let caller: Caller;
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());
beforeEach(async () => {
  caller = await spendcap.newCaller([{ limit: '5.00' }]);
  spendcap.provider.forget();
});
const call = () => ({ url: spendcap.url, key: caller.key });

const SETUPS = [
  { name: 'openai', dialect: 'openai' as const, modelOf: () => aiSdkOpenAi(call())(MODEL.openai) },
  { name: 'openai chat', dialect: 'openai' as const, modelOf: () => aiSdkOpenAi(call()).chat(MODEL.openai) },
  {
    name: 'openai without /v1',
    dialect: 'openai' as const,
    modelOf: () => createOpenAI({ baseURL: spendcap.url, apiKey: caller.key })(MODEL.openai),
  },
  {
    name: 'anthropic',
    dialect: 'anthropic' as const,
    modelOf: () => aiSdkAnthropic(call())(MODEL.anthropic),
  },
  {
    name: 'anthropic without /v1',
    dialect: 'anthropic' as const,
    modelOf: () => createAnthropic({ baseURL: spendcap.url, apiKey: caller.key })(MODEL.anthropic),
  },
];

async function expectSettled(headers: Record<string, string> | undefined, dialect: Dialect): Promise<void> {
  expect(headers).toMatchObject({
    'x-spendcap-model': MODEL[dialect],
    'x-spendcap-cap': `${caller.user}-0`,
    'x-spendcap-stage': 'normal',
  });
  const charge = await caller.chargeOf(headers!['x-spendcap-request-id']!);
  expect(charge).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
  expect(caller.arrivals()).toHaveLength(1);
}

describe.each(SETUPS)('$name', ({ dialect, modelOf }) => {
  it('generateText', async () => {
    const { text, usage, finishReason, finalStep } = await generateText({
      model: modelOf(),
      prompt: PROMPT,
      maxOutputTokens: 100,
    });
    expect({ text, finishReason }).toEqual({ text: TEXT, finishReason: 'stop' });
    expect(usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    const { headers } = finalStep.response;
    expect(headers).toMatchObject({ 'x-spendcap-cost-usd': COST[dialect] });
    await expectSettled(headers, dialect);
  });

  it('streamText', async () => {
    const stream = streamText({ model: modelOf(), prompt: PROMPT, maxOutputTokens: 100 });
    expect(await stream.text).toBe(TEXT);
    expect(await stream.finishReason).toBe('stop');
    expect(await stream.usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    await expectSettled((await stream.finalStep).response.headers, dialect);
  });

  it.each([false, true])('a tool call, streamed: %s', async (isStreamed) => {
    const tools: ToolSet = { note: tool({ inputSchema: jsonSchema({ type: 'object' }) }) };
    const prompt = 'Use it. [[sim input=10 output=8 tool]]';
    const options = { model: modelOf(), prompt, maxOutputTokens: 100, tools };
    const { toolCalls } = isStreamed ? streamText(options) : await generateText(options);
    expect(await toolCalls).toMatchObject([{ toolName: 'note', input: { text: 'This answer comes fro' } }]);
  });
});

it.each([
  ['openai', () => aiSdkOpenAi(call())(MODEL.openai)],
  ['anthropic', () => aiSdkAnthropic(call())(MODEL.anthropic)],
])('%s: the cost stands in the raw usage', async (dialect, modelOf) => {
  const { usage } = await generateText({ model: modelOf(), prompt: PROMPT, maxOutputTokens: 100 });
  expect(usage.raw).toMatchObject({ cost: COST[dialect as Dialect] });
});

it('embed', async () => {
  const { embedding, usage, response } = await embed({
    model: aiSdkOpenAi(call()).embedding('text-embedding-3-small'),
    value: 'Say hi. [[sim input=10]]',
  });
  expect(embedding).toHaveLength(1536);
  expect(usage.tokens).toBe(10);
  expect(response?.headers).toMatchObject({ 'x-spendcap-cost-usd': '0.0000002' });
});

it.each([
  ['openai', () => aiSdkOpenAi(call())(MODEL.openai), () => aiSdkOpenAi(call()).tools.webSearch({})],
  [
    'anthropic',
    () => aiSdkAnthropic(call())(MODEL.anthropic),
    () => aiSdkAnthropic(call()).tools.webSearch_20250305({}),
  ],
])('%s: a tool that runs at the provider is refused', async (_, modelOf, search) => {
  const asked = generateText({ model: modelOf(), prompt: PROMPT, tools: { search: search() } });
  await expect(asked).rejects.toMatchObject({
    statusCode: 400,
    isRetryable: false,
    message: expect.stringContaining('runs at the provider') as string,
  });
  expect(spendcap.provider.requests()).toHaveLength(0);
});

interface Told {
  message: string;
  code?: string;
  limit?: { reason: string };
  details?: { code: string; limit?: { reason: string } };
}

describe.each(AI_SDK_CLIENTS)('$name', ({ ask, stream, dialect }) => {
  const failureOf = async (sent: Promise<unknown>): Promise<APICallError> => {
    const error: unknown = await sent.then(
      () => expect.unreachable('a clean end'),
      (reason: unknown) => reason,
    );
    if (!APICallError.isInstance(error)) throw error;
    return error;
  };
  const expectPresumed = async (): Promise<void> => {
    const charge = await caller.onlyCharge();
    expect(charge.outcome).toBe('presumed_spent');
    expect(charge.cost_usd).toBe(charge.reserved_usd);
  };
  const asking = (directives: string) => ({
    ...call(),
    prompt: `Say hi. [[sim input=10 output=5 ${directives}]]`,
  });

  describe.each([
    ['generateText', ask],
    ['streamText', (asked: Parameters<typeof ask>[0]) => streamed(stream(asked))],
  ])('%s', (_, send) => {
    it.each(REFUSALS.filter(({ hasRawBody }) => hasRawBody !== true))(
      'refused: $name',
      async ({ arrange, status, reason, says, openAi, anthropic }) => {
        const attempt = await arrange(spendcap, dialect);
        spendcap.provider.forget();
        // 503 it takes for passing, whatever it is told: we wait for one attempt here.
        const patience = status === 503 ? { maxRetries: 0 } : {};
        const failure = await failureOf(send({ url: spendcap.url, ...attempt, ...patience }));

        expect(failure.statusCode).toBe(status === 429 ? 402 : status);
        expect(failure.isRetryable).toBe(status === 503);
        expect(failure.message).toMatch(says);
        const { error } = JSON.parse(failure.responseBody!) as { error: Told };
        expect(error.message).toBe(failure.message);
        expect(error.code ?? error.details?.code).toBe(dialect === 'openai' ? openAi.code : anthropic.code);
        expect((error.limit ?? error.details?.limit)?.reason).toBe(reason);
        expect(spendcap.arrivals(attempt.key)).toHaveLength(1);
        expect(spendcap.provider.requests()).toHaveLength(0);
      },
    );

    it.each(PROVIDER_ERRORS)("the provider's own $status, $outcome", async ({ status, outcome }) => {
      const failure = await failureOf(send({ ...asking(`status=${status}`), maxRetries: 0 }));
      expect(failure.statusCode).toBe(status);
      expect(failure.message).toMatch(/simulated|Overloaded/);
      expect(await caller.onlyCharge()).toMatchObject({ outcome });
    });

    it.each(UNREADABLE_USAGE_READ[dialect])('%s: a whole answer, charged at the hold', async (directive) => {
      expect(await send(asking(directive))).toBe(TEXT);
      await expectPresumed();
    });
  });

  it.each(UNANSWERED)('a plain answer with $directive', async ({ directive, status, says }) => {
    const failure = await failureOf(ask({ ...asking(directive), maxRetries: 0 }));
    expect(failure.statusCode).toBe(status);
    expect(failure.message).toMatch(says);
    await expectPresumed();
  });

  it.each(BROKEN_STREAMS)('a stream that is $name: throws', async ({ directive }) => {
    await expect(streamed(stream(asking(directive)))).rejects.toBeDefined();
    await expectPresumed();
    expect(caller.arrivals()).toHaveLength(1);
  });
});

/**
 * LangChain (core 1.4, @langchain/openai 1.6, @langchain/anthropic 1.5). It switches the SDKs' retries off and
 * retries by itself, up to six times, all but some statuses (400 to 407, 409, 413; checked 2026-11-24) and what
 * it takes for a used-up quota: the code `insufficient_quota`, or "billing" in the text.
 */
import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { tool } from '@langchain/core/tools';
import { OpenAIEmbeddings } from '@langchain/openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { LANG_CHAIN_CLIENTS, langChainAnthropic, langChainOpenAi, streamed } from './clients.ts';
import { BROKEN_STREAMS, PROVIDER_ERRORS, UNANSWERED, UNREADABLE_USAGE_READ } from './endings.ts';
import { COST, PROMPT, REFUSALS, TEXT, type Dialect } from './refusals.ts';

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

const MODELS: { name: string; dialect: Dialect; modelOf: () => BaseChatModel }[] = [
  { name: 'openai', dialect: 'openai', modelOf: () => langChainOpenAi(call()) },
  {
    name: 'openai responses',
    dialect: 'openai',
    modelOf: () => langChainOpenAi(call(), { useResponsesApi: true }),
  },
  { name: 'anthropic', dialect: 'anthropic', modelOf: () => langChainAnthropic(call()) },
];

const note = tool(() => 'noted', {
  name: 'note',
  description: 'Notes.',
  schema: z.object({ text: z.string() }),
});

describe.each(MODELS)('$name', ({ dialect, modelOf }) => {
  const expectSettled = async (): Promise<void> => {
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
    expect(caller.arrivals()).toHaveLength(1);
  };

  it('invoke', async () => {
    const message = await modelOf().invoke(PROMPT);
    expect(message.text).toBe(TEXT);
    expect(message.usage_metadata).toMatchObject({ input_tokens: 10, output_tokens: 5 });
    await expectSettled();
  });

  it('stream', async () => {
    let text = '';
    for await (const chunk of await modelOf().stream(PROMPT)) text += chunk.text;
    expect(text).toBe(TEXT);
    await expectSettled();
  });

  it('a tool call', async () => {
    const model = modelOf().bindTools!([note]);
    const { tool_calls: calls } = await model.invoke('Use it. [[sim output=8 tool]]');
    expect(calls).toMatchObject([{ name: 'note', args: { text: 'This answer comes fro' } }]);
  });

  it('a batch is as many calls', async () => {
    const messages = await modelOf().batch([PROMPT, PROMPT, PROMPT]);
    expect(messages.map(({ text }) => text)).toEqual([TEXT, TEXT, TEXT]);
    expect(caller.arrivals()).toHaveLength(3);
  });
});

it.each([
  ['openai', () => langChainOpenAi(call())],
  ['anthropic', () => langChainAnthropic(call())],
] as const)('%s: the cost stands in the metadata of the answer', async (dialect, modelOf) => {
  const { response_metadata: metadata } = await modelOf().invoke(PROMPT);
  expect(metadata['usage']).toMatchObject({ cost: COST[dialect] });
});

it('embeddings', async () => {
  const embeddings = new OpenAIEmbeddings({
    model: 'text-embedding-3-small',
    apiKey: caller.key,
    configuration: { baseURL: `${spendcap.url}/v1` },
  });
  expect(await embeddings.embedQuery('Say hi. [[sim input=10]]')).toHaveLength(1536);
  expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: '0.0000002' });
});

interface Told {
  message: string;
  code?: string;
  limit?: { reason: string };
  details?: { code: string; limit?: { reason: string } };
}
interface Failure extends Error {
  status: number;
  error: Told & { error?: Told };
  rateLimitType?: string;
}

describe.each(LANG_CHAIN_CLIENTS)('$name', ({ ask, stream, dialect }) => {
  const failureOf = (sent: Promise<unknown>): Promise<Failure> =>
    sent.then(
      () => expect.unreachable('a clean end'),
      (error: unknown) => error as Failure,
    );
  const asking = (directives: string) => ({
    ...call(),
    prompt: `Say hi. [[sim input=10 output=5 ${directives}]]`,
  });
  const expectPresumed = async (): Promise<void> => {
    const charge = await caller.onlyCharge();
    expect(charge.outcome).toBe('presumed_spent');
    expect(charge.cost_usd).toBe(charge.reserved_usd);
  };

  describe.each([
    ['invoke', ask],
    ['stream', (asked: Parameters<typeof ask>[0]) => streamed(stream(asked))],
  ])('%s', (_, send) => {
    it.each(REFUSALS.filter(({ hasRawBody }) => hasRawBody !== true))(
      'refused: $name',
      async ({ arrange, status, reason, says, openAi, anthropic }) => {
        const attempt = await arrange(spendcap, dialect);
        spendcap.provider.forget();
        // These it repeats, whatever it is told: we wait for one attempt here.
        const patience = [422, 503].includes(status) ? { maxRetries: 0 } : {};
        const failure = await failureOf(send({ url: spendcap.url, ...attempt, ...patience }));

        expect(failure.status).toBe(status);
        const told = failure.error.error ?? failure.error;
        expect(told.message).toMatch(says);
        expect(failure.message).toContain(
          dialect === 'openai' ? told.message : JSON.stringify(told.message).slice(1, -1),
        );
        expect(told.code ?? told.details?.code).toBe(dialect === 'openai' ? openAi.code : anthropic.code);
        expect((told.limit ?? told.details?.limit)?.reason).toBe(reason);
        if (status === 429) expect(failure.rateLimitType).toBe('stop');
        expect(spendcap.arrivals(attempt.key)).toHaveLength(1);
        expect(spendcap.provider.requests()).toHaveLength(0);
      },
    );

    it.each(PROVIDER_ERRORS)("the provider's own $status, $outcome", async ({ status, outcome }) => {
      const failure = await failureOf(send({ ...asking(`status=${status}`), maxRetries: 0 }));
      expect(failure.status).toBe(status);
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
    expect(failure.status).toBe(status);
    expect((failure.error.error ?? failure.error).message).toMatch(says);
    await expectPresumed();
  });

  it.each(BROKEN_STREAMS)('a stream that is $name: throws', async ({ directive }) => {
    await expect(streamed(stream(asking(directive)))).rejects.toThrow();
    await expectPresumed();
    expect(caller.arrivals()).toHaveLength(1);
  });
});

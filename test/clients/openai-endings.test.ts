/** Failures of the provider as the OpenAI SDKs see them, and how each call is charged (contract 5, last table). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { BROKEN_STREAMS, PROVIDER_ERRORS, UNANSWERED, UNREADABLE_USAGE } from './endings.ts';
import { OPENAI_MAJORS, type OpenAI } from './majors.ts';

let spendcap: LocalSpendcap;
let caller: Caller;
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());
beforeEach(async () => {
  caller = await spendcap.newCaller([{ limit: '5.00' }]);
});

const model = 'gpt-4.1';
const TEXT = 'This answer comes from the simul';
const prompt = (directives: string) => `Say hi. [[sim input=10 output=8 ${directives}]]`;
const chatCall = (directives: string) => ({
  model,
  max_completion_tokens: 100,
  messages: [{ role: 'user' as const, content: prompt(directives) }],
});
const responsesCall = (directives: string) => ({
  model,
  max_output_tokens: 100,
  input: prompt(directives),
});

async function expectPresumed(): Promise<void> {
  const charge = await caller.onlyCharge();
  expect(charge.outcome).toBe('presumed_spent');
  expect(charge.cost_usd).toBe(charge.reserved_usd);
  expect(caller.arrivals()).toHaveLength(1);
}

describe.each(OPENAI_MAJORS)('$sdk', ({ OpenAI }) => {
  type ApiError = InstanceType<typeof OpenAI.APIError>;
  const clientOf = (options = {}): OpenAI =>
    new OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: caller.key, ...options });
  const failureOf = (call: Promise<unknown>) =>
    call.then(
      () => expect.unreachable('a clean end'),
      (error: unknown) => error as ApiError,
    );
  const told = {
    ours: {
      type: 'api_error',
      code: 'stream_broken',
      message: expect.stringMatching(/^The answer broke off/) as string,
    },
    "the provider's": { type: 'server_error', message: expect.stringContaining('simulated') as string },
  };
  const toldByResponse = {
    ours: { code: 'server_error', message: told.ours.message },
    "the provider's": { code: 'server_error', message: told["the provider's"].message },
  };

  describe.each(BROKEN_STREAMS)('a stream that is $name', ({ directive, told: whose }) => {
    it('chat: throws after what came', async () => {
      const stream = await clientOf().chat.completions.create({ ...chatCall(directive), stream: true });
      let text = '';
      const failure = await failureOf(
        (async () => {
          for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
        })(),
      );
      expect(failure).toBeInstanceOf(OpenAI.APIError);
      expect(failure).toMatchObject(told[whose]);
      expect(text).not.toBe('');
      expect(TEXT.startsWith(text)).toBe(true);
      await expectPresumed();
    });

    it('chat.completions.stream(): throws', async () => {
      const stream = clientOf().chat.completions.stream(chatCall(directive));
      expect(await failureOf(stream.finalChatCompletion())).toMatchObject(told[whose]);
      await expectPresumed();
    });

    it('responses: the last event says that it failed', async () => {
      const stream = await clientOf().responses.create({ ...responsesCall(directive), stream: true });
      const events = [];
      for await (const event of stream) events.push(event);
      const [first, last] = [events[0]!, events.at(-1)!];
      if (first.type !== 'response.created' || last.type !== 'response.failed') expect.unreachable(last.type);
      expect(last.response.status).toBe('failed');
      expect(last.response.error).toMatchObject(toldByResponse[whose]);
      expect(last.response.id).toBe(first.response.id);
      expect(last.sequence_number).toBe(events.length - 1);
      await expectPresumed();
    });

    it('responses.stream(): the final response says that it failed', async () => {
      const { status, error } = await clientOf().responses.stream(responsesCall(directive)).finalResponse();
      expect(status).toBe('failed');
      expect(error).toMatchObject(toldByResponse[whose]);
      await expectPresumed();
    });
  });

  describe.each(UNREADABLE_USAGE)('%s', (directive) => {
    it.each([false, true])('chat, streamed: %s: a whole answer, charged at the hold', async (streamed) => {
      const completion = streamed
        ? await clientOf().chat.completions.stream(chatCall(directive)).finalChatCompletion()
        : await clientOf().chat.completions.create(chatCall(directive));
      expect(completion.choices[0]!.message.content).toBe(TEXT);
      await expectPresumed();
    });

    it.each([false, true])('responses, streamed: %s: the same', async (streamed) => {
      const response = streamed
        ? await clientOf().responses.stream(responsesCall(directive)).finalResponse()
        : await clientOf().responses.create(responsesCall(directive));
      expect(response).toMatchObject({ status: 'completed', output_text: TEXT });
      await expectPresumed();
    });
  });

  describe.each(UNANSWERED)('a plain answer with $directive', ({ directive, status, code, says }) => {
    it.each<[string, (client: OpenAI) => Promise<unknown>]>([
      ['chat', (client) => client.chat.completions.create(chatCall(directive))],
      ['responses', (client) => client.responses.create(responsesCall(directive))],
    ])('%s: a typed error, and no second attempt', async (_, send) => {
      const failure = await failureOf(send(clientOf()));
      expect(failure).toBeInstanceOf(OpenAI.InternalServerError);
      expect(failure).toMatchObject({ status, code, type: 'api_error' });
      expect((failure.error as { message: string }).message).toMatch(says);
      await expectPresumed();
    });
  });

  it('a plain answer that ends early: throws, charged at the hold', async () => {
    const failure = await failureOf(clientOf().chat.completions.create(chatCall('end=early')));
    expect(failure).toBeInstanceOf(Error);
    await expectPresumed();
  });

  it('a stream that its provider does not answer: a typed error, and no second attempt', async () => {
    const failure = await failureOf(
      clientOf().chat.completions.create({ ...chatCall('reset=before'), stream: true }),
    );
    expect(failure).toMatchObject({ status: 504, code: 'upstream_no_answer' });
    await expectPresumed();
  });

  describe.each([false, true])("the provider's own errors, streamed: %s", (stream) => {
    it.each(PROVIDER_ERRORS)('$status: $error, $outcome', async ({ status, error, outcome }) => {
      const call = { ...chatCall(`status=${status} retry-after=7`), stream };
      const failure = await failureOf(clientOf({ maxRetries: 0 }).chat.completions.create(call));
      expect(failure.constructor).toBe(OpenAI[error as 'APIError']);
      expect(failure.status).toBe(status);
      expect((failure.error as Error).message).toMatch(/simulated/);
      expect(failure.headers?.get('retry-after')).toBe('7');
      expect(failure.headers?.get('x-should-retry')).toBeNull();
      const charge = await caller.chargeOf(failure.headers!.get('x-spendcap-request-id')!);
      expect(charge.outcome).toBe(outcome);
      expect(charge.cost_usd).toBe(outcome === 'voided' ? '0.00' : charge.reserved_usd);
    });
  });
});

/** What the OpenAI SDKs get from an admitted call: the provider's answer, its cost, and the headers of contract 4. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { OPENAI_MAJORS, type OpenAI } from './majors.ts';
import { COST, PROMPT, TEXT } from './refusals.ts';

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

const model = 'gpt-4.1';
const messages = [{ role: 'user' as const, content: PROMPT }];
const chatCall = { model, max_completion_tokens: 100, messages };
const responsesCall = { model, max_output_tokens: 100, input: PROMPT };
const cost_details = {
  input: '0.00002',
  output: '0.00004',
  cache_read: '0.00',
  cache_write: '0.00',
  fees: '0.00',
};
const CHAT_USAGE = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  cost: COST.openai,
  cost_details,
};
const RESPONSES_USAGE = {
  input_tokens: 10,
  output_tokens: 5,
  total_tokens: 15,
  cost: COST.openai,
  cost_details,
};
const TOOL_PROMPT = 'Use it. [[sim input=10 output=8 tool]]';
/** Eight tokens: 32 characters, of which 11 are the JSON around the text. */
const TOOL_ARGUMENTS = '{"text":"This answer comes fro"}';
const parameters = { type: 'object', properties: { text: { type: 'string' } } };

const { openai: cost } = COST;
const USD_PATTERN = /^0\.\d+$/;

/** Contract 4, on every admitted call. */
function expectHeaders({ headers }: Response, told: Record<string, string | null>): void {
  expect(headers.get('x-spendcap-request-id')).toMatch(/^req_\w+$/);
  expect(headers.get('x-spendcap-reserved-usd')).toMatch(USD_PATTERN);
  expect(headers.get('x-spendcap-cap-reset')).toMatch(/^\d{4}-\d{2}-01T00:00:00Z$/);
  const expected = {
    'x-spendcap-price-version': 'openai/gpt-4.1@2025-04-14',
    'x-spendcap-model': model,
    'x-spendcap-cap': `${caller.user}-0`,
    'x-spendcap-cap-metric': 'usd',
    'x-spendcap-cap-limit': '5.00',
    'x-spendcap-stage': 'normal',
    'openai-organization': null,
    'x-ratelimit-remaining-requests': null,
    'set-cookie': null,
    ...told,
  };
  for (const [name, value] of Object.entries(expected))
    expect([name, headers.get(name)]).toEqual([name, value]);
}

async function expectSettled(response: Response, costUsd: string): Promise<void> {
  const charge = await caller.chargeOf(response.headers.get('x-spendcap-request-id')!);
  expect(charge).toMatchObject({ outcome: 'settled', cost_usd: costUsd, user: caller.user });
  expect(charge.reserved_usd).toBe(response.headers.get('x-spendcap-reserved-usd'));
  expect(caller.arrivals()).toHaveLength(1);
  expect(spendcap.provider.requests()).toHaveLength(1);
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const plainHeaders = { 'x-spendcap-cost-usd': cost, 'x-spendcap-cap-remaining': '4.99994' };
/** After the hold of a stream: 5.00 less what is reserved. */
const streamHeaders = (response: Response) => {
  const reserved = response.headers.get('x-spendcap-reserved-usd')!;
  const left = (5_000_000_000_000n - BigInt(reserved.slice(2).padEnd(12, '0'))).toString().padStart(13, '0');
  return {
    'x-spendcap-cost-usd': null,
    'x-spendcap-cap-remaining': `${left.slice(0, 1)}.${left.slice(1).replace(/0+$/, '')}`,
  };
};

describe.each(OPENAI_MAJORS)('$sdk', ({ OpenAI }) => {
  const clientOf = (path = '/v1'): OpenAI =>
    new OpenAI({ baseURL: `${spendcap.url}${path}`, apiKey: caller.key });

  it.each(['/v1', '', '/v1/v1'])('chat, with the base URL "%s"', async (path) => {
    const { data, response } = await clientOf(path).chat.completions.create(chatCall).withResponse();
    expect(data.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: TEXT } });
    expect(data.usage).toMatchObject(CHAT_USAGE);
    expectHeaders(response, plainHeaders);
    await expectSettled(response, cost);
  });

  it('chat, n: 2', async () => {
    const { choices, usage } = await clientOf().chat.completions.create({ ...chatCall, n: 2 });
    expect(choices.map(({ message }) => message.content)).toEqual([TEXT, TEXT]);
    expect(usage).toMatchObject({ completion_tokens: 10, cost: '0.0001' });
  });

  it('chat, streamed with usage', async () => {
    const { data, response } = await clientOf()
      .chat.completions.create({ ...chatCall, stream: true, stream_options: { include_usage: true } })
      .withResponse();
    const chunks = await all(data);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(TEXT);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: CHAT_USAGE });
    expectHeaders(response, streamHeaders(response));
    await expectSettled(response, cost);
  });

  it('chat, streamed without usage: none is shown, and the call is charged', async () => {
    const { data, response } = await clientOf()
      .chat.completions.create({ ...chatCall, stream: true })
      .withResponse();
    const chunks = await all(data);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(TEXT);
    expect(chunks.filter((chunk) => chunk.choices.length === 0 || 'usage' in chunk)).toEqual([]);
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('stop');
    await expectSettled(response, cost);
  });

  it('chat.completions.stream(), with two choices', async () => {
    const stream = clientOf().chat.completions.stream({
      ...chatCall,
      n: 2,
      stream_options: { include_usage: true },
    });
    const { choices } = await stream.finalChatCompletion();
    expect(choices.map(({ message }) => message.content)).toEqual([TEXT, TEXT]);
    expect(await stream.totalUsage()).toMatchObject({ prompt_tokens: 10, completion_tokens: 10 });
  });

  it.each([false, true])('chat with a tool, streamed: %s', async (streamed) => {
    const call = {
      ...chatCall,
      messages: [{ role: 'user' as const, content: TOOL_PROMPT }],
      tools: [{ type: 'function' as const, function: { name: 'note', parameters } }],
    };
    const { choices } = streamed
      ? await clientOf().chat.completions.stream(call).finalChatCompletion()
      : await clientOf().chat.completions.create(call);
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ type: 'function', function: { name: 'note', arguments: TOOL_ARGUMENTS } }] },
    });
  });

  it('runTools(): every turn is a call of its own, and charged', async () => {
    const noted: string[] = [];
    const runner = clientOf().chat.completions.runTools({
      ...chatCall,
      messages: [{ role: 'user', content: TOOL_PROMPT }],
      tools: [
        {
          type: 'function',
          function: {
            name: 'note',
            description: 'Notes a text.',
            parameters,
            parse: JSON.parse,
            function: ({ text }: { text: string }) => {
              noted.push(text);
              return 'noted';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toMatch(/^This answer comes from the simulated provider/);
    expect(noted).toEqual(['This answer comes fro']);
    expect(caller.arrivals()).toHaveLength(2);
  });

  it('responses', async () => {
    const { data, response } = await clientOf().responses.create(responsesCall).withResponse();
    expect(data).toMatchObject({ status: 'completed', output_text: TEXT, usage: RESPONSES_USAGE });
    expectHeaders(response, plainHeaders);
    await expectSettled(response, cost);
  });

  it('responses, streamed', async () => {
    const { data, response } = await clientOf()
      .responses.create({ ...responsesCall, stream: true })
      .withResponse();
    const events = await all(data);
    const deltas = events.flatMap((event) =>
      event.type === 'response.output_text.delta' ? event.delta : [],
    );
    expect(deltas.join('')).toBe(TEXT);
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { usage: RESPONSES_USAGE } });
    expectHeaders(response, streamHeaders(response));
    await expectSettled(response, cost);
  });

  it('responses.stream()', async () => {
    const final = await clientOf().responses.stream(responsesCall).finalResponse();
    expect(final).toMatchObject({ status: 'completed', output_text: TEXT, usage: RESPONSES_USAGE });
  });

  it.each([false, true])('responses with a tool, streamed: %s', async (streamed) => {
    const call = {
      ...responsesCall,
      input: TOOL_PROMPT,
      tools: [{ type: 'function' as const, name: 'note', parameters, strict: false }],
    };
    const { output } = streamed
      ? await clientOf().responses.stream(call).finalResponse()
      : await clientOf().responses.create(call);
    expect(output).toMatchObject([{ type: 'function_call', name: 'note', arguments: TOOL_ARGUMENTS }]);
  });

  it('embeddings', async () => {
    const { data, response } = await clientOf()
      .embeddings.create({
        model: 'text-embedding-3-small',
        input: 'Say hi. [[sim input=10]]',
        dimensions: 4,
      })
      .withResponse();
    expect(data.data.map(({ embedding }) => embedding.length)).toEqual([4]);
    expect(data.usage).toMatchObject({ prompt_tokens: 10, total_tokens: 10, cost: '0.0000002' });
    expectHeaders(response, {
      'x-spendcap-cost-usd': '0.0000002',
      'x-spendcap-cap-remaining': '4.9999998',
      'x-spendcap-model': 'text-embedding-3-small',
      'x-spendcap-price-version': expect.stringContaining('text-embedding-3-small@') as string,
    });
    await expectSettled(response, '0.0000002');
  });

  it('models, counting of tokens and the budget are free', async () => {
    const client = clientOf();
    const models = (await all(await client.models.list())).map(({ id }) => id);
    expect(models).toContain(model);
    expect(models).toContain('text-embedding-3-small');
    expect(models.filter((id) => id.includes('claude'))).toEqual([]);
    expect(
      await client.responses.inputTokens.count({ model, input: 'Say hi. [[sim input=10]]' }),
    ).toMatchObject({
      object: 'response.input_tokens',
      input_tokens: 10,
    });
    expect(await client.get('/budget')).toMatchObject({
      user: caller.user,
      caps: [{ limit: '5.00', settled: '0.00', reserved: '0.00', remaining: '5.00', stage: 'normal' }],
    });
  });

  it('an output limit is set where there is none, and lowered where it cannot be paid', async () => {
    const poor = await spendcap.newCaller([{ limit: '0.005' }]);
    const limits = async (key: string, call: object) => {
      const client = new OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: key });
      const { response } = await client.chat.completions.create({ model, messages, ...call }).withResponse();
      const sent = spendcap.provider.requests().at(-1)!.body!;
      expect(Number(response.headers.get('x-spendcap-max-output-tokens'))).toBe(
        sent['max_completion_tokens'],
      );
      return sent['max_completion_tokens'];
    };
    expect(await limits(caller.key, {})).toBe(16_384);
    const lowered = await limits(poor.key, { max_completion_tokens: 1000 });
    expect(lowered).toBeGreaterThan(256);
    expect(lowered).toBeLessThan(625);
  });
});

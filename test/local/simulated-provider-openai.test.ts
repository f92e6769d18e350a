import { describe, expect, it } from 'vitest';
import {
  answerTo,
  at,
  eachAt,
  CHAT,
  chat,
  EMBEDDINGS,
  embeddings,
  post,
  provider,
  RESPONSES,
  responses,
  streamOf,
  typesOf,
  useProvider,
} from './simulated-provider-client.ts';

useProvider();

const SENTENCE =
  'This answer comes from the simulated provider of Spendcap. Every four letters of it make one token, ' +
  'and no model ever read you. ';
const CHAT_TOOL = { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } };
const RESPONSES_TOOL = { type: 'function', name: 'weather', parameters: { type: 'object' } };

describe('chat', () => {
  it('answers with one choice and every member of the usage block', async () => {
    const answer = await answerTo(CHAT, chat('hi'));
    expect(answer).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{24}$/) as string,
      object: 'chat.completion',
      created: expect.any(Number) as number,
      model: 'gpt-4.1-mini',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: SENTENCE, refusal: null, annotations: [] },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 32,
        total_tokens: 35,
        prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      service_tier: 'default',
      system_fingerprint: 'fp_simulated',
    });
  });

  it('makes n choices and counts each', async () => {
    const answer = await answerTo(CHAT, chat('hi [[sim output=10]]', { n: 3 }));
    expect(answer).toMatchObject({
      choices: [{ index: 0 }, { index: 1 }, { index: 2 }],
      usage: { completion_tokens: 30 },
    });
  });

  it.each([
    ['max_completion_tokens', { max_completion_tokens: 5 }],
    ['max_tokens', { max_tokens: 5 }],
  ])('ends at %s', async (_, limit) => {
    expect(await answerTo(CHAT, chat('hi', limit))).toMatchObject({
      choices: [{ finish_reason: 'length', message: { content: 'This answer comes fr' } }],
      usage: { completion_tokens: 5 },
    });
  });

  it('streams roles, text and reason, and no usage unless asked', async () => {
    const { events, headers } = await streamOf(CHAT, chat('hi [[sim output=4 chunks=2]]'));
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(events.map(({ data }) => at(data, 'choices.0.delta') ?? data)).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { content: 'This ans' },
      { content: 'wer come' },
      {},
      '[DONE]',
    ]);
    expect(eachAt(events, 'choices.0.finish_reason')).toEqual([null, null, null, 'stop', undefined]);
    expect(eachAt(events, 'usage')).toEqual(Array(5).fill(undefined));
    expect(events.every(({ event }) => event === undefined)).toBe(true);
  });

  it('streams usage in a chunk without choices, and null before it, where asked', async () => {
    const body = chat('hi [[sim output=4 chunks=1]]', { stream_options: { include_usage: true } });
    const { events } = await streamOf(CHAT, body);
    const chunks = events.slice(0, -1);
    expect(eachAt(chunks, 'usage').slice(0, -1)).toEqual([null, null, null]);
    expect(chunks.at(-1)!.data).toMatchObject({ choices: [], usage: { completion_tokens: 4 } });
    expect(new Set(eachAt(chunks, 'id')).size).toBe(1);
  });

  it('streams each of n choices', async () => {
    const { events } = await streamOf(CHAT, chat('hi [[sim output=1 chunks=1]]', { n: 2 }));
    expect(eachAt(events, 'choices.0.index')).toEqual([0, 1, 0, 1, 0, 1, undefined]);
  });

  it('calls a tool', async () => {
    const answer = await answerTo(CHAT, chat('hi [[sim tool output=5]]', { tools: [CHAT_TOOL] }));
    const call = {
      id: expect.stringMatching(/^call_/) as string,
      type: 'function',
      function: { name: 'weather', arguments: '{"text":"This answ"}' },
    };
    expect(answer['choices']).toMatchObject([
      { finish_reason: 'tool_calls', message: { content: null, tool_calls: [call] } },
    ]);
  });

  it('streams a tool call', async () => {
    const body = chat('hi [[sim tool=weather output=5 chunks=2]]', { tools: [CHAT_TOOL] });
    const { events } = await streamOf(CHAT, body);
    expect(at(events[0]!.data, 'choices.0.delta.tool_calls.0')).toMatchObject({
      index: 0,
      id: expect.stringMatching(/^call_/) as string,
      type: 'function',
    });
    expect(eachAt(events.slice(0, 3), 'choices.0.delta.tool_calls.0.function')).toEqual([
      { name: 'weather', arguments: '' },
      { arguments: '{"text":"T' },
      { arguments: 'his answ"}' },
    ]);
    expect(at(events[3]!.data, 'choices.0.finish_reason')).toBe('tool_calls');
  });

  it('answers the result of a tool with text', async () => {
    const body = {
      ...chat(''),
      tools: [CHAT_TOOL],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi [[sim tool]]' }] },
        { role: 'assistant', content: null, tool_calls: [] },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
      ],
    };
    expect(at(await answerTo(CHAT, body), 'choices.0.finish_reason')).toBe('stop');
  });
});

describe('responses', () => {
  it('answers with one message and every member of the usage block', async () => {
    const answer = await answerTo(RESPONSES, responses('hi', { instructions: 'Be kind.' }));
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^resp_/) as string,
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      instructions: 'Be kind.',
      model: 'gpt-4.1-mini',
      service_tier: 'default',
      output: [
        {
          id: expect.stringMatching(/^msg_/) as string,
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', annotations: [], logprobs: [], text: SENTENCE }],
        },
      ],
    });
    expect(answer['usage']).toEqual({
      input_tokens: 3,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: 32,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 35,
    });
  });

  it('is incomplete at the limit', async () => {
    const answer = await answerTo(RESPONSES, responses('hi', { max_output_tokens: 16 }));
    expect(answer).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { output_tokens: 16 },
    });
  });

  it('streams the whole sequence, numbered', async () => {
    const { events } = await streamOf(RESPONSES, responses('hi [[sim output=4 chunks=2]]'));
    expect(typesOf(events)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map(({ event }) => event)).toEqual(typesOf(events));
    expect(eachAt(events, 'sequence_number')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(events[0]!.data).toMatchObject({
      response: { status: 'in_progress', usage: null, output: [] },
    });
    expect(eachAt(events.slice(4, 6), 'delta')).toEqual(['This ans', 'wer come']);
    expect(events[9]!.data).toMatchObject({
      response: { status: 'completed', usage: { output_tokens: 4 }, output: [at(events[8]!.data, 'item')] },
    });
  });

  it('streams response.incomplete at the limit', async () => {
    const { events } = await streamOf(RESPONSES, responses('hi', { max_output_tokens: 16 }));
    expect(events.at(-1)!.data).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', usage: { output_tokens: 16 } },
    });
  });

  it('calls a function, plain and streamed', async () => {
    const body = responses('hi [[sim tool output=5 chunks=1]]', { tools: [RESPONSES_TOOL] });
    expect((await answerTo(RESPONSES, body))['output']).toMatchObject([
      { type: 'function_call', name: 'weather', arguments: '{"text":"This answ"}' },
    ]);
    const { events } = await streamOf(RESPONSES, body);
    expect(typesOf(events).slice(2, -1)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
    ]);
    expect(at(events[2]!.data, 'item')).toMatchObject({
      type: 'function_call',
      name: 'weather',
      arguments: '',
    });
  });

  it('reads directives from the last user item, and answers the output of a function with text', async () => {
    const user = { role: 'user', content: [{ type: 'input_text', text: 'hi [[sim output=7]]' }] };
    const result = { type: 'function_call_output', call_id: 'call_1', output: 'sunny' };
    const model = 'gpt-4.1-mini';
    const asked = await answerTo(RESPONSES, { model, input: [user] });
    expect(asked).toMatchObject({ usage: { output_tokens: 7 } });
    const continued = await answerTo(RESPONSES, { model, input: [user, result] });
    expect(continued).toMatchObject({ usage: { output_tokens: 32 } });
  });

  it('counts the input of a response for nothing', async () => {
    const answer = await answerTo('/v1/responses/input_tokens', responses('hi'));
    expect(answer).toEqual({ object: 'response.input_tokens', input_tokens: 1 });
    await provider().idle();
    expect(provider().requests()).toMatchObject([{ endpoint: 'openai-input-tokens', billed: null }]);
  });
});

describe('embeddings', () => {
  it('answers with a vector of length one for each text', async () => {
    const answer = await answerTo(EMBEDDINGS, { ...embeddings(''), input: ['hi', 'there'] });
    expect(answer).toMatchObject({
      object: 'list',
      model: 'text-embedding-3-small',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
    expect(answer['data']).toHaveLength(2);
    for (const index of [0, 1]) {
      expect(at(answer, `data.${index}`)).toMatchObject({ object: 'embedding', index });
      const vector = at(answer, `data.${index}.embedding`) as number[];
      expect(vector).toHaveLength(1536);
      expect(Math.hypot(...vector)).toBe(1);
    }
  });

  it('encodes the same vector as base64', async () => {
    const body = embeddings('hi', { dimensions: 4 });
    const floats = await answerTo(EMBEDDINGS, { ...body, encoding_format: 'float' });
    const encoded = await answerTo(EMBEDDINGS, { ...body, encoding_format: 'base64' });
    expect(at(floats, 'data.0.embedding')).toEqual([1, 0, 0, 0]);
    const bytes = Buffer.from(at(encoded, 'data.0.embedding') as string, 'base64');
    expect([0, 4, 8, 12].map((offset) => bytes.readFloatLE(offset))).toEqual([1, 0, 0, 0]);
  });

  it.each([
    ['tokens', [1, 2, 3], 1, 3],
    ['lists of tokens', [[1, 2], [3]], 2, 3],
    ['a text', 'hi [[sim input=9]]', 1, 9],
  ])('takes %s', async (_, input, vectors, tokens) => {
    const answer = await answerTo(EMBEDDINGS, { model: 'text-embedding-3-small', input });
    expect(answer['data']).toHaveLength(vectors);
    expect(answer).toMatchObject({ usage: { prompt_tokens: tokens } });
  });
});

describe('requests that the API refuses', () => {
  it.each([
    ['no JSON', CHAT, '{', null],
    ['no object', CHAT, '[]', null],
    ['no model', CHAT, { messages: [] }, 'model'],
    ['no messages', CHAT, { model: 'm' }, 'messages'],
    ['a limit of nothing', CHAT, chat('hi', { max_tokens: 0 }), 'max_completion_tokens'],
    ['too many choices', CHAT, chat('hi', { n: 129 }), 'n'],
    ['too low a limit', RESPONSES, responses('hi', { max_output_tokens: 15 }), 'max_output_tokens'],
    ['no embeddings input', EMBEDDINGS, { model: 'm', input: [] }, 'input'],
    ['objects as input', EMBEDDINGS, { model: 'm', input: [{}] }, 'input'],
    ['no encoding', EMBEDDINGS, embeddings('hi', { encoding_format: 'hex' }), 'encoding_format'],
    ['dimensions', EMBEDDINGS, embeddings('hi', { dimensions: 0 }), 'dimensions'],
  ])('%s', async (_, path, body, param) => {
    const response = await post(path, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: {
        message: expect.any(String) as string,
        type: 'invalid_request_error',
        param,
        code: null,
      },
    });
  });

  it('an unknown path and a wrong method', async () => {
    expect((await post('/v1/files', {})).status).toBe(404);
    const response = await fetch(provider().url + CHAT);
    expect(response.status).toBe(405);
    expect(await response.json()).toMatchObject({ error: { code: 'method_not_supported' } });
    await provider().idle();
    expect(provider().requests()).toMatchObject([
      { endpoint: 'unknown', status: 404, outcome: 'refused', billed: null },
      { endpoint: 'openai-chat', status: 405, outcome: 'refused', billed: null },
    ]);
  });
});

it('sends the headers that a gateway must keep to itself', async () => {
  const { headers } = await post(CHAT, chat('hi'));
  expect(headers.get('content-type')).toBe('application/json');
  expect(headers.get('openai-organization')).toBe('simulated-organization');
  expect(headers.get('x-ratelimit-remaining-requests')).toBe('29999');
  expect(headers.getSetCookie()).toHaveLength(2);
  await provider().idle();
  expect(headers.get('x-request-id')).toBe(provider().requests()[0]!.id);
});

it.each([
  [undefined, 'default'],
  ['auto', 'default'],
  ['flex', 'flex'],
  ['fast', 'priority'],
])('serves service_tier %s as %s', async (asked, served) => {
  const body = chat('hi', asked === undefined ? {} : { service_tier: asked });
  expect((await answerTo(CHAT, body))['service_tier']).toBe(served);
});

import { describe, expect, it } from 'vitest';
import {
  answerTo,
  at,
  eachAt,
  MESSAGES,
  messages,
  post,
  provider,
  streamOf,
  typesOf,
  useProvider,
} from './simulated-provider-client.ts';

useProvider();

const TOOL = { name: 'weather', input_schema: { type: 'object' } };

describe('messages', () => {
  it('answers with one text block and every member of the usage block', async () => {
    const answer = await answerTo(`${MESSAGES}?beta=true`, messages('hi [[sim output=4]]'));
    expect(answer).toEqual({
      id: expect.stringMatching(/^msg_[0-9a-f]{24}$/) as string,
      type: 'message',
      role: 'assistant',
      model: 'claude-haiku-4-5',
      content: [{ type: 'text', text: 'This answer come', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 7,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
        output_tokens: 4,
        output_tokens_details: { thinking_tokens: 0 },
        server_tool_use: null,
        service_tier: 'standard',
        inference_geo: 'global',
        speed: 'standard',
      },
    });
  });

  it('ends at max_tokens', async () => {
    const answer = await answerTo(MESSAGES, messages('hi', { max_tokens: 3 }));
    expect(answer).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 3 } });
  });

  it('reports the region and speed that were asked for', async () => {
    const answer = await answerTo(MESSAGES, messages('hi', { inference_geo: 'us', speed: 'fast' }));
    expect(answer['usage']).toMatchObject({ inference_geo: 'us', speed: 'fast' });
  });

  it('streams the whole sequence, with cumulative usage at its end', async () => {
    const { events, headers } = await streamOf(MESSAGES, messages('hi [[sim output=4 chunks=2 cached=2]]'));
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(typesOf(events)).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(events.map(({ event }) => event)).toEqual(typesOf(events));
    expect(events[0]!.data).toMatchObject({
      message: {
        content: [],
        stop_reason: null,
        usage: { input_tokens: 10, cache_read_input_tokens: 2, output_tokens: 1 },
      },
    });
    expect(at(events[1]!.data, 'content_block')).toEqual({ type: 'text', text: '', citations: null });
    expect(eachAt(events.slice(3, 5), 'delta')).toEqual([
      { type: 'text_delta', text: 'This ans' },
      { type: 'text_delta', text: 'wer come' },
    ]);
    expect(events[6]!.data).toMatchObject({
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { input_tokens: 10, cache_read_input_tokens: 2, output_tokens: 4 },
    });
  });

  it('calls a tool', async () => {
    const answer = await answerTo(MESSAGES, messages('hi [[sim tool output=5]]', { tools: [TOOL] }));
    expect(answer).toMatchObject({
      stop_reason: 'tool_use',
      content: [
        {
          type: 'tool_use',
          id: expect.stringMatching(/^toolu_/) as string,
          name: 'weather',
          input: { text: 'This answ' },
        },
      ],
    });
  });

  it('streams a tool call', async () => {
    const body = messages('hi [[sim tool output=5 chunks=2]]', { tools: [TOOL] });
    const { events } = await streamOf(MESSAGES, body);
    expect(at(events[1]!.data, 'content_block')).toMatchObject({
      type: 'tool_use',
      name: 'weather',
      input: {},
    });
    expect(eachAt(events.slice(3, 5), 'delta')).toEqual([
      { type: 'input_json_delta', partial_json: '{"text":"T' },
      { type: 'input_json_delta', partial_json: 'his answ"}' },
    ]);
    expect(at(events.at(-2)!.data, 'delta.stop_reason')).toBe('tool_use');
  });

  it('answers the result of a tool with text', async () => {
    const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'sunny' };
    const body = {
      ...messages(''),
      tools: [TOOL],
      messages: [
        { role: 'user', content: 'hi [[sim tool]]' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }] },
        { role: 'user', content: [result] },
      ],
    };
    expect((await answerTo(MESSAGES, body))['stop_reason']).toBe('end_turn');
  });

  it('reads directives through an answer that the caller began', async () => {
    const body = {
      ...messages(''),
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi [[sim output=7]]' }] },
        { role: 'assistant', content: 'Well,' },
      ],
    };
    expect(await answerTo(MESSAGES, body)).toMatchObject({ usage: { output_tokens: 7 } });
  });

  it('counts tokens for nothing', async () => {
    const body = { ...messages('hi', { system: 'Be kind.' }), max_tokens: undefined };
    expect(await answerTo('/v1/messages/count_tokens', body)).toEqual({ input_tokens: 5 });
    await provider().idle();
    expect(provider().requests()).toMatchObject([{ endpoint: 'anthropic-count-tokens', billed: null }]);
  });
});

it.each([
  ['no JSON', '{'],
  ['no model', { max_tokens: 1, messages: [] }],
  ['no messages', { model: 'm', max_tokens: 1 }],
  ['no max_tokens', { model: 'm', messages: [] }],
  ['a negative limit', messages('hi', { max_tokens: -1 })],
])('refuses %s', async (_, body) => {
  const response = await post(MESSAGES, body);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    type: 'error',
    error: { type: 'invalid_request_error', message: expect.any(String) as string },
    request_id: response.headers.get('request-id'),
  });
});

it('refuses an unknown path in the words of the caller', async () => {
  const response = await post('/v1/files', {}, { headers: { 'anthropic-version': '2023-06-01' } });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { type: 'not_found_error' } });
});

it('sends the headers that a gateway must keep to itself', async () => {
  const { headers } = await post(MESSAGES, messages('hi'));
  expect(headers.get('anthropic-organization-id')).toBe('00000000-0000-4000-8000-000000000000');
  expect(headers.get('anthropic-ratelimit-output-tokens-remaining')).toBe('3999000');
  expect(headers.getSetCookie()).toHaveLength(1);
  await provider().idle();
  expect(headers.get('request-id')).toBe(provider().requests()[0]!.id);
});

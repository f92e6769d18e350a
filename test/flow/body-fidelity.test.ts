/** Contract 2: what passes is the provider's own and the client's own, byte for byte, but for the named changes. */
import { describe, expect, it } from 'vitest';
import { openGateway, userCap } from '../support/gateways.ts';
import { plain, streamed } from '../support/scripted-upstream.ts';
import { chatCall, chatStream, messagesCall, messagesStream, responsesStream } from './dialects.ts';

/** The text without the members that Spendcap adds to a usage object. */
const withoutCost = (text: string): string =>
  text.replace(/,\s*"cost":\s*"[0-9.]+",\s*"cost_details":\s*\{[^}]*\}/, '');

const CHAT_USAGE = '"usage":{"prompt_tokens":10,"completion_tokens":5}';
const ODD_CHAT_BODIES = [
  ['numbers as they were written', `{"a":1e3,"b":1.0,"c":-0,"d":12345678901234567890,${CHAT_USAGE}}`],
  ['members in their order', `{"z":1,"model":"gpt-4.1",${CHAT_USAGE},"a":{"y":1,"b":2}}`],
  ['escapes as they were written', `{"text":"\\u00e9\\/\\ud83d\\ude00é",${CHAT_USAGE}}`],
  ['unknown members of usage', '{"usage":{"prompt_tokens":10,"odd":{"x":1.50},"completion_tokens":5}}'],
  ['lines and indents', '{\n  "usage": {\n    "prompt_tokens": 10,\n    "completion_tokens": 5\n  }\n}\n'],
  ['a usage of a part of the answer', `{"choices":[{"usage":{"n":1}}],${CHAT_USAGE}}`],
] as const;

describe('a plain answer', () => {
  it.each(ODD_CHAT_BODIES)('keeps %s', async (_, text) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(text));
    const response = await gateway.call(chatCall.path, chatCall.body);
    const seen = await response.text();

    expect(withoutCost(seen)).toBe(text);
    expect(JSON.parse(seen)).toMatchObject({
      usage: {
        cost: '0.00006',
        cost_details: {
          input: '0.00002',
          output: '0.00004',
          cache_read: '0.00',
          cache_write: '0.00',
          fees: '0.00',
        },
      },
    });
  });

  it('tells cache reads and writes apart', async () => {
    const gateway = await openGateway();
    const usage =
      '{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":40,"output_tokens":5}';
    gateway.upstream.next(plain(`{"model":"claude-haiku-4-5","usage":${usage}}`));
    const body = messagesCall.body.replace(
      '"Say hi."',
      '[{"type":"text","text":"Say hi.","cache_control":{"type":"ephemeral"}}]',
    );
    const response = await gateway.call(messagesCall.path, body, messagesCall.headers);
    // 10 x 1 + 100 x 0.1 + 40 x 1.25 + 5 x 5 microdollars
    expect(await response.json()).toMatchObject({
      usage: {
        cost: '0.000095',
        cost_details: {
          input: '0.00001',
          output: '0.000025',
          cache_read: '0.00001',
          cache_write: '0.00005',
          fees: '0.00',
        },
      },
    });
  });

  it('that fails is passed on unmodified, with its status and retry-after', async () => {
    const gateway = await openGateway();
    const headers = { 'retry-after': '7', 'x-request-id': 'req_of_provider' };
    gateway.upstream.next(plain(chatCall.errorAnswer, { status: 429, headers }));
    const response = await gateway.call(chatCall.path, chatCall.body);
    expect(response.status).toBe(429);
    expect(await response.text()).toBe(chatCall.errorAnswer);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(response.headers.get('x-request-id')).toBe('req_of_provider');
    expect(response.headers.get('x-should-retry')).toBeNull();
  });
});

describe('a stream', () => {
  it.each([responsesStream, messagesStream])(
    'of $name keeps every frame, with the cost in its usage',
    async (call) => {
      const gateway = await openGateway();
      gateway.upstream.next(streamed(call.frames));
      const seen = await (await gateway.call(call.path, call.body, call.headers)).text();
      expect(seen).toMatch(new RegExp(`"cost":\\s*"${call.cost}"`));
      expect(withoutCost(seen)).toBe(call.frames.join(''));
    },
  );

  it('of chat whose client asked for usage keeps its chunk, with the cost in it', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed(chatStream.frames));
    const body = chatStream.body.replace(
      '"stream":true',
      '"stream":true,"stream_options":{"include_usage":true}',
    );
    const seen = await (await gateway.call(chatStream.path, body)).text();
    expect(gateway.upstream.sent[0]!.body).toBe(body);
    expect(seen).toMatch(/"cost":\s*"0.00006"/);
    expect(withoutCost(seen)).toBe(chatStream.frames.join(''));
  });

  it.each([
    ['no stream_options', '', '{"include_usage":true}'],
    ['null', ',"stream_options":null', '{"include_usage":true}'],
    [
      'false',
      ',"stream_options":{"include_usage":false,"include_obfuscation":false}',
      '{"include_usage":true,"include_obfuscation":false}',
    ],
  ])(
    'of chat whose client did not ask (%s) is asked for usage, and its chunk is dropped',
    async (_, options, asked) => {
      const gateway = await openGateway();
      gateway.upstream.next(streamed(chatStream.frames));
      const body = chatStream.body.replace('"stream":true', `"stream":true${options}`);
      const response = await gateway.call(chatStream.path, body);
      const seen = await response.text();

      const sent = JSON.parse(gateway.upstream.sent[0]!.body!) as Record<string, unknown>;
      expect(sent['stream_options']).toEqual(JSON.parse(asked));
      expect(seen).not.toContain('usage');
      expect(seen).not.toContain('"choices":[]');
      expect(seen.endsWith('data: [DONE]\n\n')).toBe(true);
      expect((await gateway.viewOf(response)).charge).toMatchObject({
        cost_usd: '0.00006',
        outcome: 'settled',
      });
    },
  );

  it('arrives in any cut of its bytes as the same frames', async () => {
    const bytes = new TextEncoder().encode(messagesStream.frames.join('').replace('"Hi"', '"Hé 😀"'));
    const gateway = await openGateway();
    gateway.upstream.next(() => ({
      kind: 'answered',
      response: new Response(
        new ReadableStream({
          start(controller) {
            for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
            controller.close();
          },
        }),
        { headers: { 'content-type': 'text/event-stream; charset=utf-8' } },
      ),
    }));
    const seen = await (
      await gateway.call(messagesStream.path, messagesStream.body, messagesStream.headers)
    ).text();
    expect(withoutCost(seen)).toBe(new TextDecoder().decode(bytes));
  });
});

describe('the request', () => {
  it.each([
    [
      'chat',
      chatCall.path,
      {},
      `{"z":1e3, "model":"gpt-4.1","messages":[],"max_completion_tokens":10,"odd":{"b":1.0,"a":"\\u00e9"}}`,
    ],
    [
      'messages',
      messagesCall.path,
      messagesCall.headers,
      `{ "system":[], "max_tokens":1e1,"model":"claude-haiku-4-5","messages":[],"odd":1.0}`,
    ],
    ['responses', '/v1/responses', {}, `{"model":"gpt-4.1","input":"a","max_output_tokens":100,"odd":1.0}`],
    ['embeddings', '/v1/embeddings', {}, `{"model":"text-embedding-3-small","input":["a","é"],"odd":1.0}`],
  ])('of %s goes on as it came where nothing has to change', async (_, path, headers, body) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{}'));
    await gateway.call(path, body, headers);
    expect(gateway.upstream.sent[0]!.body).toBe(body);
    expect(gateway.upstream.sent[0]!.path).toBe(path);
  });

  it.each([
    [
      'chat',
      chatCall.path,
      {},
      '{"model":"gpt-4.1","messages":[],"odd":1.0}',
      { max_completion_tokens: 16_384 },
    ],
    [
      'chat, null',
      chatCall.path,
      {},
      '{"model":"gpt-4.1","messages":[],"max_completion_tokens":null}',
      { max_completion_tokens: 16_384 },
    ],
    [
      'responses',
      '/v1/responses',
      {},
      '{"model":"gpt-4.1","input":"a","odd":1.0}',
      { max_output_tokens: 16_384 },
    ],
  ])(
    'of %s without an output limit gets the default, and a header says so',
    async (_, path, headers, body, limit) => {
      const gateway = await openGateway();
      gateway.upstream.next(plain('{}'));
      const response = await gateway.call(path, body, headers);
      const sent = gateway.upstream.sent[0]!.body!;
      expect(JSON.parse(sent)).toEqual({ ...(JSON.parse(body) as object), ...limit });
      expect(sent.includes('1.0')).toBe(body.includes('1.0'));
      expect(response.headers.get('x-spendcap-max-output-tokens')).toBe('16384');
    },
  );

  it.each([
    [
      'chat, either name',
      chatCall.path,
      {},
      '{"model":"gpt-4.1","messages":[],"max_tokens":9000}',
      'max_tokens',
      4987,
    ],
    [
      'chat, the newer name',
      chatCall.path,
      {},
      '{"model":"gpt-4.1","messages":[],"max_completion_tokens":9000}',
      'max_completion_tokens',
      4984,
    ],
    [
      'responses',
      '/v1/responses',
      {},
      '{"model":"gpt-4.1","input":"","max_output_tokens":9000}',
      'max_output_tokens',
      4986,
    ],
    [
      'messages',
      messagesCall.path,
      messagesCall.headers,
      '{"model":"claude-haiku-4-5","messages":[],"max_tokens":9000}',
      'max_tokens',
      7783,
    ],
  ] as const)('of %s is clamped to what the money left pays', async (_, path, headers, body, name, most) => {
    const gateway = await openGateway({ caps: { money: userCap('0.04') } });
    gateway.upstream.next(plain('{}'));
    const response = await gateway.call(path, body, headers);
    const sent = JSON.parse(gateway.upstream.sent[0]!.body!) as Record<string, unknown>;
    // (40,000 - 2 x 51, 62 or 54 bytes) / 8 for gpt-4.1, (40,000 - 60 bytes - 1,024) / 5 for claude-haiku-4-5
    expect(sent[name]).toBe(most);
    expect(response.headers.get('x-spendcap-max-output-tokens')).toBe(String(most));
  });

  it('never more than the model can write', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{}'));
    const body = chatCall.body.replace(':1000', ':999999');
    const response = await gateway.call(chatCall.path, body);
    expect(JSON.parse(gateway.upstream.sent[0]!.body!)).toMatchObject({ max_tokens: 32_768 });
    expect(response.headers.get('x-spendcap-max-output-tokens')).toBe('32768');
  });

  it('carries neither our credential nor our headers to the provider', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{}'));
    await gateway.call(messagesCall.path, messagesCall.body, {
      ...messagesCall.headers,
      'anthropic-beta': 'a-2025,b-2026',
      'x-spendcap-feature': 'default',
      'idempotency-key': 'k',
      cookie: 'session=1',
    });
    const [sent] = gateway.upstream.sent;
    const names = sent!.headers.map(([name]) => name);
    expect(names).not.toContain('authorization');
    expect(names).not.toContain('x-api-key');
    expect(names).not.toContain('cookie');
    expect(names.filter((name) => name.startsWith('x-spendcap'))).toEqual([]);
    expect(Object.fromEntries(sent!.headers)).toMatchObject({
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'a-2025,b-2026',
    });
    expect(JSON.stringify(sent)).not.toContain(gateway.key);
  });
});

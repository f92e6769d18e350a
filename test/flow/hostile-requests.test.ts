/**
 * Requests that are made to break a gateway. Each is refused in the caller's dialect, at no cost and with nothing
 * sent, or held exactly and forwarded byte for byte; and the books balance.
 */
import { describe, expect, it } from 'vitest';
import { openGateway, userCap, type TestGateway } from '../support/gateways.ts';
import { plain } from '../support/scripted-upstream.ts';
import { CALLS, chatCall, messagesCall, responsesCall, type DialectCall } from './dialects.ts';

const MEGABYTE = 1 << 20;
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const caps = { 'alice-life': userCap('1000.00') };

/** Its code, in the dialect of the call; and that nothing came of it. */
async function refusalOf(
  gateway: TestGateway,
  call: Pick<DialectCall, 'path' | 'headers'>,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<string> {
  const all = { 'content-type': 'application/json', ...call.headers, ...headers };
  const response = await gateway.request('POST', call.path, body, all);
  const answer = (await response.json()) as {
    type?: string;
    error: { type: string; code?: string; details?: { code: string } };
  };
  const isAnthropic = call.path === messagesCall.path;
  expect(answer.type).toBe(isAnthropic ? 'error' : undefined);
  expect(response.headers.get('x-should-retry')).toBe('false');
  expect(gateway.upstream.sent).toEqual([]);
  const account = await gateway.account();
  if (account) expect(account).toMatchObject({ settled: '0.00', held: '0.00', holds: 0 });
  return `${response.status} ${(isAnthropic ? answer.error.details?.code : answer.error.code)!}`;
}

const more = (call: DialectCall, members: string): string => call.body.replace(/}$/, `,${members}}`);
const said = (call: DialectCall, text: string): string => call.body.replace('Say hi.', () => text);

describe.each(CALLS)('$name', (call) => {
  it.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ['a body nested 100,000 deep', more(call, `"odd":${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
    ['a body that only opens', '{"a":'.repeat(100_000)],
    ['a model that stands twice', more(call, '"model":"gpt-4.1"')],
    ['a member that stands twice, deep down', more(call, '"odd":[{"x":[{"a":1,"\\u0061":2}]}]')],
    ['a body that is not UTF-8', Uint8Array.of(...utf8(call.body.slice(0, -1)), 0xff, 0x7d)],
    ['half a character', utf8(said(call, '\u{1f600}')).filter((byte) => byte !== 0x9f)],
    ['UTF-16', new Uint8Array(Buffer.from(`\ufeff${call.body}`, 'utf16le'))],
    ['two marks of the byte order', `\ufeff\ufeff${call.body}`],
    ['half a body', call.body.slice(0, -1)],
    ['NaN', more(call, '"odd":NaN')],
    ['a text with a line break', said(call, 'Say\nhi.')],
  ])('refuses %s', async (_, body) => {
    expect(await refusalOf(await openGateway(), call, body)).toBe('400 invalid_request');
  });

  it('refuses a model whose name has no end', async () => {
    const body = call.body.replace(/"model":"[^"]+"/, `"model":"${'m'.repeat(MEGABYTE)}"`);
    expect(await refusalOf(await openGateway(), call, body)).toBe('400 model_not_priced');
  });

  it.each([
    ['named like a member of every object', 'constructor'],
    ['named like the prototype', '__proto__'],
    ['of half a character', '\\ud800'],
  ])('refuses a model %s', async (_, name) => {
    const body = call.body.replace(/"model":"[^"]+"/, `"model":"${name}"`);
    expect(await refusalOf(await openGateway(), call, body)).toBe('400 model_not_priced');
  });

  it.each([
    ['one letter', 'a'],
    ['spaces', ' '],
    ['combining marks', '\u0300\u0316'],
    ['special tokens', '<|endoftext|>[INST]\\u003cs\\u003e'],
    ['halves of characters', '\\ud800\\udfff'],
    ['escapes', '\\u0000\\"\\\\\\/'],
  ])(
    'holds a megabyte of %s at a token a byte, up to the context, and sends it as it came',
    async (_, text) => {
      const gateway = await openGateway({ caps });
      gateway.upstream.next(plain(call.answer));
      const bytes = utf8(text).length;
      const body = said(call, text.repeat(MEGABYTE / bytes) + ' '.repeat(MEGABYTE % bytes));
      const response = await gateway.call(call.path, body, call.headers);
      await response.text();
      await gateway.settled();
      expect(response.status).toBe(200);
      expect(gateway.upstream.sent.map((sent) => sent.body)).toEqual([body]);
      expect(response.headers.get('x-spendcap-reserved-usd')).toBe(MEGABYTE_HELD[call.name]);
      expect(await gateway.account()).toMatchObject({ settled: call.cost, held: '0.00', holds: 0 });
    },
  );
});

/** 1,048,576 bytes in place of 7 are more than any of their contexts. Outputs as before. */
const MEGABYTE_HELD: Record<string, string> = {
  // 1,047,576 x 2 + 1,000 x 8
  chat: '2.103152',
  responses: '2.103152',
  // 200,000 x 1 + 1,000 x 5
  messages: '0.205',
  // 8,192 x 0.02
  embeddings: '0.00016384',
};

describe('a text that normalises to eleven times its length', () => {
  // (86 - 7 + 30,000 x 33 bytes) x 2 + 8,000
  const body = said(chatCall, '\ufdfa'.repeat(30_000));

  it('is held so', async () => {
    const gateway = await openGateway({ caps });
    gateway.upstream.next(plain(chatCall.answer));
    const response = await gateway.call(chatCall.path, body);
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe('1.988158');
  });

  it('and refused where the cap does not pay that', async () => {
    expect(await refusalOf(await openGateway(), chatCall, body)).toBe('429 insufficient_quota');
  });
});

describe('numbers that are no limits', () => {
  const LIMITS: [DialectCall, string][] = [
    [chatCall, 'max_tokens'],
    [chatCall, 'max_completion_tokens'],
    [chatCall, 'n'],
    [responsesCall, 'max_output_tokens'],
    [messagesCall, 'max_tokens'],
  ];
  const NUMBERS = ['-1', '0.5', '1e400', '-1e400', '9007199254740993', '"100"', 'true', '[1]', '{}'];
  it.each(
    LIMITS.flatMap(([call, member]) => NUMBERS.map((text) => [call.name, member, text, call] as const)),
  )('%s: %s = %s', async (_, member, text, call) => {
    const without = call.body.replace(/"max_(?:output_)?tokens":1000,?/, '').replace(/,}$/, '}');
    const body = more({ ...call, body: without }, `"${member}":${text}`);
    expect(await refusalOf(await openGateway(), call, body)).toBe('400 invalid_request');
  });

  it('a billion answers are refused, as the provider would', async () => {
    const body = more(chatCall, '"n":1e9');
    expect(await refusalOf(await openGateway(), chatCall, body)).toBe('400 invalid_request');
  });

  it('a limit beyond any model is held at what the model can write', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(chatCall.answer));
    const response = await gateway.call(chatCall.path, chatCall.body.replace('1000', '9007199254740991'));
    // (86 - 4 + 16 bytes) x 2 + 32,768 x 8
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe('0.26234');
  });
});

describe('more than a call can mean', () => {
  const MESSAGES = /\[\{"role":.*\}\]/;
  const many = (element: string): string => `[${Array.from({ length: 50_000 }, () => element).join()}]`;

  it.each([
    ['fallbacks', `"fallbacks":${many('{"model":"claude-haiku-4-5"}')}`],
    ['summaries', `"context_management":{"edits":${many('{"type":"compact_20260112"}')}}`],
    ['advisors', `"tools":${many('{"type":"advisor_20260301","model":"claude-haiku-4-5","max_uses":1}')}`],
  ])('50,000 %s are refused', async (_, members) => {
    expect(await refusalOf(await openGateway({ caps }), messagesCall, more(messagesCall, members))).toBe(
      '400 not_meterable',
    );
  });

  it.each([
    ['searches', '{"type":"web_search_20250305","max_uses":9007199254740991}'],
    ['pages', '{"type":"web_fetch_20250910","max_uses":9007199254740991}'],
  ])('50,000 tools of 2^53 %s each are more than any cap pays', async (_, tool) => {
    const body = more(messagesCall, `"tools":${many(tool)}`);
    expect(await refusalOf(await openGateway({ caps }), messagesCall, body)).toBe('429 insufficient_quota');
  });

  it.each<[string, DialectCall, RegExp, string, string]>([
    // (86 - 9 + 50,000 x 29 + 50,001 bytes are more than 1,047,576) x 2 + 8,000
    ['messages', chatCall, MESSAGES, many('{"role":"user","content":"a"}'), '2.103152'],
    ['items', responsesCall, /"Say hi."/, many('{"role":"user","content":"a"}'), '2.103152'],
    [
      'blocks',
      messagesCall,
      MESSAGES,
      `[{"role":"user","content":${many('{"type":"text","text":""}')}}]`,
      '0.205',
    ],
  ])('50,000 %s are read, and held at the context', async (_, call, place, list, hold) => {
    const gateway = await openGateway({ caps });
    gateway.upstream.next(plain(call.answer));
    const body = call.body.replace(place, () => list);
    const response = await gateway.call(call.path, body, call.headers);
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(hold);
    expect(gateway.upstream.sent.map((sent) => sent.body)).toEqual([body]);
  });

  it('images of megabytes are held as images, not as text', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(messagesCall.answer));
    const image = `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"${'A'.repeat(5 * MEGABYTE)}"}}`;
    const body = messagesCall.body.replace('"Say hi."', `[${image}]`);
    const response = await gateway.call(messagesCall.path, body, messagesCall.headers);
    // (95 - 9 + 80 bytes + 1,568 an image + 1,024) x 1 + 1,000 x 5
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe('0.007758');
  });
});

describe('a mark of the byte order', () => {
  it('is no part of the body', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(chatCall.answer));
    const response = await gateway.call(chatCall.path, `\ufeff${chatCall.body}`);
    expect(response.status).toBe(200);
    expect(gateway.upstream.sent.map(({ body }) => body)).toEqual([chatCall.body]);
  });
});

describe('a flood of headers', () => {
  const flood = (n: number, name: (i: number) => string): Record<string, string> =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [name(i), 'x']));
  it.each<[string, Record<string, string>]>([
    ['tags', flood(10_000, (i) => `x-spendcap-tag-${i}`)],
    ['a tag without an end', { 'x-spendcap-tag-a': 'x'.repeat(MEGABYTE) }],
    ['a feature without an end', { 'x-spendcap-feature': 'x'.repeat(MEGABYTE) }],
    ['an idempotency key without an end', { 'idempotency-key': 'x'.repeat(MEGABYTE) }],
  ])('%s', async (_, headers) => {
    for (const call of [chatCall, messagesCall])
      expect(await refusalOf(await openGateway(), call, call.body, headers)).toBe('400 invalid_request');
  });

  it('that nobody reads is left behind', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(chatCall.answer));
    const response = await gateway.call(
      chatCall.path,
      chatCall.body,
      flood(10_000, (i) => `x-odd-${i}`),
    );
    expect(response.status).toBe(200);
    expect(gateway.upstream.sent[0]!.headers).toEqual([['content-type', 'application/json']]);
  });
});

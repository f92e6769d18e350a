/** The gateway by plain HTTP, as curl and small clients use it: what the SDKs do not show. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSpendcap, uncounted, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { COST, PROMPT, TEXT } from './refusals.ts';

let spendcap: LocalSpendcap;
let caller: Caller;
beforeAll(async () => {
  spendcap = await startSpendcap({ keepAliveMs: 15 });
  // The HTTP server prints every answer that is cut.
  vi.spyOn(console, 'error').mockReturnValue();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await spendcap.close();
});
beforeEach(async () => {
  caller = await spendcap.newCaller([{ limit: '5.00' }]);
  spendcap.provider.forget();
});

const chat = (prompt = PROMPT) => ({
  model: 'gpt-4.1',
  max_completion_tokens: 100,
  messages: [{ role: 'user', content: prompt }],
});
const messages = (prompt = PROMPT) => ({
  model: 'claude-haiku-4-5',
  max_tokens: 100,
  messages: [{ role: 'user', content: prompt }],
});
const responses = (prompt = PROMPT) => ({ model: 'gpt-4.1', max_output_tokens: 100, input: prompt });

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${caller.key}` });
const post = (path: string, body: object | string, headers: Record<string, string> = bearer()) =>
  fetch(`${spendcap.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const get = (path: string, headers: Record<string, string> = bearer()) =>
  fetch(`${spendcap.url}${path}`, { headers });

describe('every path and credential', () => {
  const PATHS: [string, () => object][] = [
    ['chat/completions', chat],
    ['responses', responses],
    ['messages', messages],
    ['embeddings', () => ({ model: 'text-embedding-3-small', input: 'Hi.' })],
  ];
  const CREDENTIALS: [string, (key: string) => Record<string, string>][] = [
    ['Authorization', (key) => ({ authorization: `Bearer ${key}` })],
    ['x-api-key', (key) => ({ 'x-api-key': key })],
    ['api-key', (key) => ({ 'api-key': key })],
    ['x-goog-api-key', uncounted],
  ];
  it.each(
    PATHS.flatMap(([path, body]) => ['/', '/v1/', '/v1/v1/'].map((prefix) => [prefix + path, body] as const)),
  )('POST %s', async (path, body) => {
    for (const [name, credential] of CREDENTIALS) {
      const response = await post(path, body(), credential(caller.key));
      expect([name, response.status]).toEqual([name, 200]);
      expect(((await response.json()) as { usage: { cost: string } }).usage.cost).toMatch(/^0\.\d+$/);
    }
  });
});

it('the body goes on byte for byte, and our credential stays here', async () => {
  const body = `{"model":"gpt-4.1", "max_completion_tokens":1e2,"messages":[{"role":"user","content":"\\u0048i"}],"new":{"b":1,"a":1.0}}`;
  expect((await post('/v1/chat/completions', body)).status).toBe(200);
  const { bodyText, headers } = spendcap.provider.requests()[0]!;
  expect(bodyText).toBe(body);
  expect(JSON.stringify(headers)).not.toContain(caller.key);
});

describe('a silent provider', () => {
  it('a stream gets comments, and ends with its own end', async () => {
    const response = await post('/v1/chat/completions', {
      ...chat('Hi. [[sim silent=100 output=5]]'),
      stream: true,
    });
    const text = await response.text();
    expect(text.split('\n\n').filter((frame) => frame === ': keep-alive').length).toBeGreaterThanOrEqual(2);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
  });

  it('a plain answer has white space before it', async () => {
    const text = await (await post('/v1/responses', responses('Hi. [[sim delay=100 output=5]]'))).text();
    expect(text).toMatch(/^ +\{/);
    expect(JSON.parse(text)).toMatchObject({ status: 'completed' });
  });

  it('a plain answer that fails after that is cut: no last chunk', async () => {
    const body = JSON.stringify(chat('Hi. [[sim delay=100 status=500]]'));
    const { port } = new URL(spendcap.url);
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: local\r\nauthorization: Bearer ${caller.key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    // One chunk of white space, and no empty one that would end the body.
    expect(text.split('\r\n\r\n')[1]).toBe('1\r\n \r\n');
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'voided' });
  });
});

describe('a body over 6 MB is answered, not cut off', () => {
  const MEGABYTES = 40;
  const TOLD: [string, string, Record<string, string>, object][] = [
    [
      'OpenAI',
      '/v1/chat/completions',
      {},
      { error: { type: 'invalid_request_error', code: 'request_too_large' } },
    ],
    [
      'Anthropic',
      '/v1/messages',
      { 'anthropic-version': '2023-06-01' },
      { type: 'error', error: { type: 'request_too_large' } },
    ],
  ];
  it.each(TOLD)('%s, with its length announced', async (_, path, headers, told) => {
    const response = await post(path, 'x'.repeat(MEGABYTES * 1024 * 1024), { ...bearer(), ...headers });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject(told);
  });

  it.each(TOLD)('%s, in chunks', async (_, path, headers, told) => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === MEGABYTES) controller.close();
        else controller.enqueue(new Uint8Array(1024 * 1024).fill(120));
        sent += 1;
      },
    });
    const response = await fetch(`${spendcap.url}${path}`, {
      method: 'POST',
      headers: { ...bearer(), ...headers },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject(told);
  });
});

describe('models, in the shape that the client knows', () => {
  it('OpenAI', async () => {
    const list = (await (await get('/v1/models')).json()) as { data: { id: string }[] };
    expect(list).toMatchObject({ object: 'list' });
    expect(list.data.find(({ id }) => id === 'gpt-4.1')).toMatchObject({
      object: 'model',
      owned_by: 'openai',
    });
  });
  it('Anthropic', async () => {
    const list = (await (
      await get('/v1/models?limit=1000', { ...bearer(), 'anthropic-version': '2023-06-01' })
    ).json()) as { data: { id: string }[] };
    expect(list).toMatchObject({
      has_more: false,
      first_id: list.data[0]!.id,
      last_id: list.data.at(-1)!.id,
    });
    expect(list.data.find(({ id }) => id === 'claude-haiku-4-5')).toMatchObject({
      type: 'model',
      display_name: expect.any(String) as string,
    });
  });
});

it('the probe of Claude Code costs nothing and needs no key', async () => {
  const response = await fetch(`${spendcap.url}/api/hello`, { method: 'HEAD' });
  expect(response.status).toBe(200);
});

it('a minute window throttles until it ends', async () => {
  const { key } = await spendcap.newCaller([
    { metric: 'requests', window: 'minute', limit: '1' },
    { limit: '5.00' },
  ]);
  // The first may fall into the last moment of a minute.
  const denied = await vi.waitFor(async () => {
    const response = await post('/v1/chat/completions', chat(), { authorization: `Bearer ${key}` });
    expect(response.status).toBe(429);
    return response;
  });
  expect(Number(denied.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  expect(denied.headers.has('x-should-retry')).toBe(false);
  expect(await denied.json()).toMatchObject({
    error: {
      code: 'rate_limit_exceeded',
      limit: { reason: 'throttled', window: 'minute', metric: 'requests' },
    },
  });
});

describe('GET /v1/requests/{id}', () => {
  it("shows one's own call in flight, then its charge; to nobody else", async () => {
    const stream = await post('/v1/chat/completions', {
      ...chat('Say hi. [[sim input=10 output=5 chunks=4 chunk-delay=60]]'),
      stream: true,
    });
    const id = stream.headers.get('x-spendcap-request-id')!;
    const open: unknown = await (await get(`/v1/requests/${id}`)).json();
    expect(open).toMatchObject({
      id,
      status: 'in_flight',
      hold: { reserved_usd: stream.headers.get('x-spendcap-reserved-usd'), model_requested: 'gpt-4.1' },
      charge: null,
    });
    await stream.text();
    expect(await (await get(`/v1/requests/${id}`)).json()).toMatchObject({
      id,
      status: 'charged',
      hold: null,
      charge: { outcome: 'settled', cost_usd: COST.openai, tokens: { input: 10, output: 5 } },
    });

    const other = await spendcap.newCaller([{ limit: '5.00' }]);
    const refused = await get(`/v1/requests/${id}`, { authorization: `Bearer ${other.key}` });
    expect(refused.status).toBe(404);
    expect(await refused.json()).toMatchObject({ error: { code: 'request_not_found' } });
  });
});

it('a streamed answer comes as it is made, not at the end', async () => {
  const response = await post('/v1/messages', {
    ...messages('Say hi. [[sim input=10 output=5 chunks=4 chunk-delay=100]]'),
    stream: true,
  });
  const arrivals: number[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const piece = decoder.decode(chunk, { stream: true });
    if (piece.includes('text_delta')) arrivals.push(performance.now());
    text += piece;
  }
  const deltas = [...text.matchAll(/"text_delta","text":"([^"]*)"/g)].map(([, delta]) => delta);
  expect(deltas.join('')).toBe(TEXT);
  expect(arrivals.length).toBeGreaterThanOrEqual(3);
  expect(arrivals.at(-1)! - arrivals[0]!).toBeGreaterThanOrEqual(150);
});

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpUpstream, type UpstreamTimeouts } from '../../lambdas/adapters/upstream/http-upstream.ts';
import type { UpstreamOutcome, UpstreamRequest } from '../../lambdas/core/ports.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

/** Speaks HTTP for us, and counts what reached it. */
async function httpServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<{ origin: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => (body += text));
    request.on('end', () => answer(request, response, body));
    request.on('error', () => undefined);
  });
  return { origin: `http://127.0.0.1:${await listen(server)}`, requests };
}

/** Accepts connections and says what it is told, byte by byte. */
async function rawServer(onConnection: (socket: Socket, index: number) => void): Promise<number> {
  let index = 0;
  return listen(createTcpServer((socket) => onConnection(socket, index++)));
}

function upstreamTo(origin: string, timeouts: Partial<UpstreamTimeouts> = {}): HttpUpstream {
  const upstream = new HttpUpstream({ openai: { origin, apiKey: 'sk-provider' } }, timeouts);
  cleanups.push(() => upstream.close());
  return upstream;
}

const post = (changes: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  method: 'POST',
  path: '/v1/chat/completions',
  headers: [['content-type', 'application/json']],
  body: '{"model":"gpt-4o"}',
  signal: new AbortController().signal,
  ...changes,
});

function answered(outcome: UpstreamOutcome): Response {
  if (outcome.kind !== 'answered') throw new Error(`${outcome.kind}: ${outcome.reason}`);
  return outcome.response;
}

describe('an answer', () => {
  it('carries status, repeated headers and body as they came', async () => {
    const { origin } = await httpServer((_request, response, body) => {
      response.writeHead(
        201,
        [
          ['x-one', '1'],
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ].flat(),
      );
      response.end(`got ${body} ü`);
    });
    const response = answered(await upstreamTo(origin).send('openai', post()));
    expect(response.status).toBe(201);
    expect(response.headers.get('x-one')).toBe('1');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.text()).toBe('got {"model":"gpt-4o"} ü');
  });

  it('comes piece by piece', async () => {
    let finish = (): void => undefined;
    const { origin } = await httpServer((_request, response) => {
      response.write('first');
      finish = () => response.end('second');
    });
    const response = answered(await upstreamTo(origin).send('openai', post()));
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('first');
    finish();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('second');
    expect((await reader.read()).done).toBe(true);
  });

  it('of 16 MB arrives whole', async () => {
    const { origin } = await httpServer((_request, response) => response.end(Buffer.alloc(16 << 20, 'x')));
    const response = answered(await upstreamTo(origin).send('openai', post()));
    expect((await response.arrayBuffer()).byteLength).toBe(16_777_216);
  });

  it('without a body is one', async () => {
    const { origin } = await httpServer((_request, response) => response.writeHead(204).end());
    const response = answered(await upstreamTo(origin).send('openai', post()));
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  it('that redirects is passed on, and nobody follows it', async () => {
    const { origin, requests } = await httpServer((_request, response) =>
      response.writeHead(307, { location: '/elsewhere' }).end(),
    );
    const response = answered(await upstreamTo(origin).send('openai', post()));
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe('/elsewhere');
    expect(requests.length).toBe(1);
  });

  it('of 500 is an answer and is not tried again', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.writeHead(500).end('no'));
    expect(answered(await upstreamTo(origin).send('openai', post())).status).toBe(500);
    expect(requests.length).toBe(1);
  });

  it('with a status that is none is no answer', async () => {
    const port = await rawServer((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n')),
    );
    const outcome = await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post());
    expect(outcome.kind).toBe('no_answer');
  });
});

describe('what is sent', () => {
  it('carries the provider credential and never the caller’s', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.end());
    const upstream = new HttpUpstream({
      openai: { origin, apiKey: 'sk-openai' },
      anthropic: { origin, apiKey: 'sk-ant' },
      gemini: { origin, apiKey: undefined },
    });
    cleanups.push(() => upstream.close());
    const headers: [string, string][] = [
      ['Authorization', 'Bearer sck_caller'],
      ['x-api-key', 'sck_caller'],
      ['api-key', 'sck_caller'],
      ['x-goog-api-key', 'sck_caller'],
      ['cookie', 'session=caller'],
      ['accept-encoding', 'gzip'],
      ['anthropic-version', '2023-06-01'],
    ];
    for (const provider of ['openai', 'anthropic', 'gemini'] as const) {
      answered(await upstream.send(provider, post({ headers })));
    }
    const seen = requests.map(({ headers: sent }) => ({
      authorization: sent.authorization,
      'x-api-key': sent['x-api-key'],
      'x-goog-api-key': sent['x-goog-api-key'],
      'accept-encoding': sent['accept-encoding'],
      'anthropic-version': sent['anthropic-version'],
    }));
    const always = { 'accept-encoding': 'identity', 'anthropic-version': '2023-06-01' };
    expect(seen).toEqual([
      { authorization: 'Bearer sk-openai', 'x-api-key': undefined, 'x-goog-api-key': undefined, ...always },
      { authorization: undefined, 'x-api-key': 'sk-ant', 'x-goog-api-key': undefined, ...always },
      { authorization: undefined, 'x-api-key': undefined, 'x-goog-api-key': undefined, ...always },
    ]);
    expect(JSON.stringify(requests.map(({ rawHeaders }) => rawHeaders))).not.toContain('caller');
  });

  it('goes to the fixed origin, whatever the path looks like', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.end());
    answered(await upstreamTo(origin).send('openai', post({ path: '//elsewhere.invalid/v1?q=1' })));
    expect(requests.map(({ url }) => url)).toEqual(['//elsewhere.invalid/v1?q=1']);
  });
});

describe('not sent', () => {
  it('when the port refuses', async () => {
    const port = await rawServer(() => undefined);
    await cleanups.pop()!();
    const outcome = await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post());
    expect(outcome).toEqual({ kind: 'not_sent', reason: `connect ECONNREFUSED 127.0.0.1:${port}` });
  });

  it('when the name is unknown', async () => {
    const outcome = await upstreamTo('http://spendcap.invalid').send('openai', post());
    expect(outcome.kind).toBe('not_sent');
  });

  it('when TLS fails', async () => {
    let bytes = 0;
    const port = await rawServer((socket) => {
      socket.on('data', (data: Buffer) => (bytes += data.length));
      socket.once('data', () => socket.end('this is not TLS'));
    });
    const outcome = await upstreamTo(`https://127.0.0.1:${port}`).send('openai', post());
    expect(outcome.kind).toBe('not_sent');
    expect(bytes).toBeGreaterThan(0);
  });

  it('when the connection is not made in time', async () => {
    const port = await rawServer(() => undefined);
    const upstream = upstreamTo(`https://127.0.0.1:${port}`, { connectMs: 50 });
    const outcome = await upstream.send('openai', post());
    expect(outcome.kind).toBe('not_sent');
    expect((outcome as { reason: string }).reason).toContain('UND_ERR_CONNECT_TIMEOUT');
  });

  it('when it is aborted before the connection is made, at once', async () => {
    const abort = new AbortController();
    const port = await rawServer(() => abort.abort());
    const outcome = await upstreamTo(`https://127.0.0.1:${port}`, { connectMs: 1000 }).send(
      'openai',
      post({ signal: abort.signal }),
    );
    expect(outcome).toEqual({ kind: 'not_sent', reason: 'aborted before it was sent' });
  });

  it('when it was aborted before it began', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.end());
    const outcome = await upstreamTo(origin).send('openai', post({ signal: AbortSignal.abort() }));
    expect(outcome).toEqual({ kind: 'not_sent', reason: 'aborted before it was sent' });
    expect(requests.length).toBe(0);
  });

  it('when the provider has no address', async () => {
    const outcome = await upstreamTo('http://127.0.0.1:9').send('anthropic', post());
    expect(outcome).toEqual({ kind: 'not_sent', reason: 'no address is set for the provider anthropic' });
  });

  it('after close', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.end());
    const upstream = new HttpUpstream({ openai: { origin, apiKey: undefined } });
    await upstream.close();
    expect((await upstream.send('openai', post())).kind).toBe('not_sent');
    expect(requests.length).toBe(0);
  });
});

describe('no answer', () => {
  it('when the connection is reset before any byte', async () => {
    const port = await rawServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const outcome = await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post());
    expect(outcome).toEqual({ kind: 'no_answer', reason: 'read ECONNRESET' });
  });

  it('when it is closed before any byte', async () => {
    const port = await rawServer((socket) => socket.once('data', () => socket.end()));
    const outcome = await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post());
    expect(outcome).toEqual({ kind: 'no_answer', reason: 'UND_ERR_SOCKET: other side closed' });
  });

  it('when it is closed within the headers', async () => {
    const port = await rawServer((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-')),
    );
    const outcome = await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post());
    expect(outcome.kind).toBe('no_answer');
  });

  it('when the caller aborts while the provider is silent', async () => {
    const abort = new AbortController();
    const { origin, requests } = await httpServer(() => abort.abort());
    const outcome = await upstreamTo(origin).send('openai', post({ signal: abort.signal }));
    expect(outcome).toEqual({ kind: 'no_answer', reason: 'aborted' });
    expect(requests.length).toBe(1);
  });

  it('when the status line does not come in time', async () => {
    const { origin, requests } = await httpServer(() => undefined);
    const outcome = await upstreamTo(origin, { headersMs: 50 }).send('openai', post());
    expect(outcome).toEqual({ kind: 'no_answer', reason: 'UND_ERR_HEADERS_TIMEOUT: Headers Timeout Error' });
    expect(requests.length).toBe(1);
  });

  it('when a kept-alive connection turns out to be dead, and the call is not sent again', async () => {
    let seen = 0;
    const port = await rawServer((socket) => {
      let calls = 0;
      socket.on('data', () => {
        seen += 1;
        calls += 1;
        if (calls === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        else socket.resetAndDestroy();
      });
    });
    const upstream = upstreamTo(`http://127.0.0.1:${port}`);
    const kinds: string[] = [];
    // undici takes a connection back a turn after the answer ended, so which call finds it again is its choice.
    while (!kinds.includes('no_answer') && kinds.length < 100) {
      const outcome = await upstream.send('openai', post());
      kinds.push(outcome.kind);
      if (outcome.kind === 'answered') await outcome.response.text();
      await nextTurn();
    }
    expect(kinds.at(-1)).toBe('no_answer');
    expect(seen).toBe(kinds.length);
    expect(await answered(await upstream.send('openai', post())).text()).toBe('ok');
    expect(seen).toBe(kinds.length + 1);
  });
});

describe('a body that is cut', () => {
  async function cutAfter(
    socketEnds: (socket: Socket) => void,
  ): Promise<{ first: string; rest: Promise<unknown> }> {
    const sockets: Socket[] = [];
    const port = await rawServer((socket) => {
      sockets.push(socket);
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'),
      );
    });
    const response = answered(await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post()));
    const reader = response.body!.getReader();
    const first = Buffer.from((await reader.read()).value!).toString();
    const rest = reader.read();
    socketEnds(sockets[0]!);
    return { first, rest };
  }

  it('by a reset errors', async () => {
    const { first, rest } = await cutAfter((socket) => socket.resetAndDestroy());
    expect(first).toBe('hello');
    await expect(rest).rejects.toThrow('ECONNRESET');
  });

  it('by a close errors too: never a clean end', async () => {
    const { rest } = await cutAfter((socket) => socket.end());
    await expect(rest).rejects.toThrow('other side closed');
  });

  it('by silence errors', async () => {
    const { origin } = await httpServer((_request, response) => response.write('hello'));
    const response = answered(await upstreamTo(origin, { bodyMs: 50 }).send('openai', post()));
    await expect(response.text()).rejects.toThrow('Body Timeout Error');
  });

  it('by the caller’s signal errors, and the provider sees the connection close', async () => {
    const abort = new AbortController();
    const connections: ServerResponse[] = [];
    const { origin } = await httpServer((_request, response) => {
      connections.push(response);
      response.write('hello');
    });
    const response = answered(await upstreamTo(origin).send('openai', post({ signal: abort.signal })));
    const text = response.text();
    abort.abort();
    await expect(text).rejects.toThrow('aborted');
    if (!connections[0]!.closed) await once(connections[0]!, 'close');
  });

  it('by cancelling it closes the connection', async () => {
    const connections: ServerResponse[] = [];
    const { origin } = await httpServer((_request, response) => {
      connections.push(response);
      response.write('hello');
    });
    const response = answered(await upstreamTo(origin).send('openai', post()));
    await response.body!.cancel();
    if (!connections[0]!.closed) await once(connections[0]!, 'close');
  });
});

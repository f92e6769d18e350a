import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { HttpUpstream } from '../../lambdas/adapters/upstream/http-upstream.ts';
import {
  answered,
  cleanups,
  httpServer,
  httpsServer,
  post,
  rawServer,
  saying,
  upstreamTo,
} from '../support/socket-servers.ts';

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

  it('keeps every header and its repeats, in their order', async () => {
    const origin = await saying(
      'HTTP/1.1 200 OK\r\nRetry-After: 1\r\nx-b: 1\r\nretry-after: 2\r\nx-name: f\xfcr\r\ncontent-length: 0\r\n\r\n',
    );
    const { headers } = answered(await upstreamTo(origin).send('openai', post()));
    expect(headers.get('retry-after')).toBe('1, 2');
    expect(headers.get('x-b')).toBe('1');
    expect(headers.get('x-name')).toBe('für');
  });

  it('may have headers of 120 KiB', async () => {
    const origin = await saying(
      `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(120 << 10)}\r\ncontent-length: 0\r\n\r\n`,
    );
    const { headers } = answered(await upstreamTo(origin).send('openai', post()));
    expect(headers.get('x')?.length).toBe(122_880);
  });

  it.each([204, 205, 304])('of %i has no body, and its connection is kept', async (status) => {
    const origin = await saying(`HTTP/1.1 ${status} None\r\ncontent-length: 0\r\n\r\n`);
    const upstream = upstreamTo(origin);
    for (let call = 0; call < 2; call += 1) {
      const response = answered(await upstream.send('openai', post()));
      expect([response.status, response.body]).toEqual([status, null]);
    }
  });

  it('is the one after informational ones', async () => {
    const origin = await saying(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    );
    const response = answered(await upstreamTo(origin).send('openai', post()));
    expect([response.status, response.headers.get('link'), await response.text()]).toEqual([200, null, 'ok']);
  });

  it('may offer another protocol', async () => {
    const origin = await saying(
      'HTTP/1.1 200 OK\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok',
    );
    expect(await answered(await upstreamTo(origin).send('openai', post())).text()).toBe('ok');
  });

  it('comes over TLS, and over the same connection the next time', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    vi.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      const { origin, connections } = await httpsServer((_request, response, body) => response.end(body));
      const upstream = upstreamTo(origin);
      for (let call = 0; call < 20; call += 1) {
        expect(await answered(await upstream.send('openai', post())).text()).toBe('{"model":"gpt-4o"}');
        await nextTurn();
      }
      expect(connections.size).toBeLessThan(20);
    } finally {
      vi.restoreAllMocks();
      vi.unstubAllEnvs();
    }
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
      azure: { origin, apiKey: 'az-key' },
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
    for (const provider of ['openai', 'azure', 'anthropic', 'gemini'] as const) {
      answered(await upstream.send(provider, post({ headers })));
    }
    const seen = requests.map(({ headers: sent }) => ({
      authorization: sent.authorization,
      'api-key': sent['api-key'],
      'x-api-key': sent['x-api-key'],
      'x-goog-api-key': sent['x-goog-api-key'],
      'accept-encoding': sent['accept-encoding'],
      'anthropic-version': sent['anthropic-version'],
    }));
    const always = {
      authorization: undefined,
      'api-key': undefined,
      'x-api-key': undefined,
      'x-goog-api-key': undefined,
      'accept-encoding': 'identity',
      'anthropic-version': '2023-06-01',
    };
    expect(seen).toEqual([
      { ...always, authorization: 'Bearer sk-openai' },
      { ...always, 'api-key': 'az-key' },
      { ...always, 'x-api-key': 'sk-ant' },
      always,
    ]);
    expect(JSON.stringify(requests.map(({ rawHeaders }) => rawHeaders))).not.toContain('caller');
  });

  it('has its length in bytes, and a host', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.end());
    const upstream = upstreamTo(origin);
    for (const changes of [{ body: 'ü€' }, { body: undefined }, { method: 'GET', body: undefined }]) {
      answered(await upstream.send('openai', post(changes)));
    }
    expect(requests.map(({ headers: sent }) => [sent['content-length'], sent['transfer-encoding']])).toEqual([
      ['5', undefined],
      ['0', undefined],
      [undefined, undefined],
    ]);
    expect(new Set(requests.map(({ headers: sent }) => `http://${sent.host}`))).toEqual(new Set([origin]));
  });

  it('has the headers in their order, with repeats', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.end());
    const headers: [string, string][] = [
      ['anthropic-beta', 'one'],
      ['user-agent', 'für'],
      ['anthropic-beta', 'two'],
    ];
    answered(await upstreamTo(origin).send('openai', post({ headers })));
    expect(requests[0]!.rawHeaders.slice(2, 8)).toEqual([
      ...['anthropic-beta', 'one'],
      ...['user-agent', 'für'],
      ...['anthropic-beta', 'two'],
    ]);
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

  it('when nobody vouches for the certificate: no byte of the request leaves', async () => {
    const { origin, requests, connections } = await httpsServer((_request, response) => response.end());
    const outcome = await upstreamTo(origin).send('openai', post());
    expect(outcome).toMatchObject({
      kind: 'not_sent',
      reason: expect.stringContaining('self-signed') as string,
    });
    expect([requests.length, connections.size]).toEqual([0, 0]);
  });

  it('when TLS is cut within its handshake', async () => {
    const port = await rawServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const outcome = await upstreamTo(`https://127.0.0.1:${port}`).send('openai', post());
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
    expect((outcome as { reason: string }).reason).toBe('no connection within 50 ms');
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

  it('when it is aborted before it has a socket, which nobody else gets half-connected', async () => {
    const port = await rawServer(() => undefined);
    const upstream = upstreamTo(`https://127.0.0.1:${port}`, { connectMs: 50, headersMs: 500 });
    const abort = new AbortController();
    const aborted = upstream.send('openai', post({ signal: abort.signal }));
    abort.abort();
    expect(await aborted).toEqual({ kind: 'not_sent', reason: 'aborted before it was sent' });
    const outcome = await upstream.send('openai', post());
    expect(outcome).toEqual({ kind: 'not_sent', reason: 'no connection within 50 ms' });
  });

  it.each([
    ['a path with a blank', { path: '/v1/a b' }],
    ['a path with a line break', { path: '/v1\r\nx-api-key: 1' }],
    ['a header with a line break', { headers: [['user-agent', 'a\r\nb: c']] as [string, string][] }],
  ])('when HTTP cannot carry it: %s', async (_what, changes) => {
    const { origin, requests } = await httpServer((_request, response) => response.end());
    const outcome = await upstreamTo(origin).send('openai', post(changes));
    expect(outcome.kind).toBe('not_sent');
    expect(requests.length).toBe(0);
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
    expect(outcome).toEqual({ kind: 'no_answer', reason: 'ECONNRESET: socket hang up' });
  });

  it('when it is closed within the headers', async () => {
    const port = await rawServer((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-')),
    );
    const outcome = await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post());
    expect(outcome.kind).toBe('no_answer');
  });

  it.each([
    [
      'changes the protocol',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n',
    ],
    ['is no HTTP', 'SSH-2.0-OpenSSH_9.7\r\n'],
    ['has headers of more than 128 KiB', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(130 << 10)}\r\n\r\n`],
  ])('when what comes %s', async (_what, said) => {
    const outcome = await upstreamTo(await saying(said)).send('openai', post());
    expect(outcome.kind).toBe('no_answer');
  });

  it('when the connection is closed within the request', async () => {
    const port = await rawServer((socket) => socket.once('data', () => socket.destroy()));
    const body = 'x'.repeat(16 << 20);
    const outcome = await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post({ body }));
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
    expect(outcome).toEqual({ kind: 'no_answer', reason: 'no answer within 50 ms' });
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
    // A connection is taken back a turn after the answer ended, so which call finds it again is not ours to say.
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

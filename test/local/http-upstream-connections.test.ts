/** How connections are kept, and what must never pass from one call to the next. */
import { once } from 'node:events';
import { Agent, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Exchange } from '../../lambdas/adapters/upstream/exchange.ts';
import { HttpUpstream } from '../../lambdas/adapters/upstream/http-upstream.ts';
import { answered, httpServer, post, rawServer, upstreamTo } from '../support/socket-servers.ts';

describe('a connection', () => {
  it('is kept for the next call', async () => {
    const { origin, connections } = await httpServer((_request, response) => response.end('ok'));
    const upstream = upstreamTo(origin);
    for (let call = 0; call < 3; call += 1) {
      await answered(await upstream.send('openai', post())).text();
      await wait(10);
    }
    expect(connections.size).toBe(1);
  });

  it('is not kept when the provider will close it within a second', async () => {
    const { origin, connections } = await httpServer((_request, response) => {
      response.writeHead(200, { connection: 'keep-alive', 'keep-alive': 'timeout=1' }).end('ok');
    });
    const upstream = upstreamTo(origin);
    for (let call = 0; call < 3; call += 1) {
      await answered(await upstream.send('openai', post())).text();
      await wait(10);
    }
    expect(connections.size).toBe(3);
  });

  it('carries one call at a time, however many there are', async () => {
    const waiting: ServerResponse[] = [];
    const { origin, connections } = await httpServer((_request, response) => {
      waiting.push(response);
      if (waiting.length === 50) for (const one of waiting) one.end('ok');
    });
    const upstream = upstreamTo(origin);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => upstream.send('openai', post())));
    expect(await Promise.all(outcomes.map((outcome) => answered(outcome).text()))).toEqual(
      Array(50).fill('ok'),
    );
    expect(connections.size).toBe(50);
  });

  it('is closed when the answer came before the whole request had left', async () => {
    const connections: Socket[] = [];
    const port = await rawServer((socket, index) => {
      connections.push(socket);
      socket.once('data', () => {
        if (index === 0) socket.pause();
        socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno');
      });
    });
    const upstream = upstreamTo(`http://127.0.0.1:${port}`);
    const early = answered(await upstream.send('openai', post({ body: 'x'.repeat(32 << 20) })));
    expect([early.status, await early.text()]).toEqual([413, 'no']);
    connections[0]!.resume();
    await once(connections[0]!, 'close');
    expect(connections[0]!.bytesRead).toBeLessThan(32 << 20);
    expect(await answered(await upstream.send('openai', post())).text()).toBe('no');
  });

  it('that is closed at the moment in which a call takes it is no connection', async () => {
    const { origin, requests } = await httpServer((_request, response) => response.end('ok'));
    const agent = new Agent({ keepAlive: true });
    const { hostname, port } = new URL(origin);
    const begin = (): Exchange =>
      new Exchange(
        { protocol: 'http:', hostname, port, agent },
        { method: 'GET', path: '/', headers: ['host', 'localhost'], body: Buffer.alloc(0) },
        { connectMs: 1000, headersMs: 1000, bodyMs: 1000, signal: new AbortController().signal },
      );
    const text = async ({ outcome }: Exchange): Promise<string> => answered(await outcome).text();
    expect(await Promise.all([text(begin()), text(begin())])).toEqual(['ok', 'ok']);
    await wait(10);
    Object.values(agent.freeSockets)[0]!.at(-1)!.destroy();
    expect(await begin().outcome).toEqual({
      kind: 'not_sent',
      reason: 'the kept connection was just closed',
    });
    expect(await text(begin())).toBe('ok');
    expect(requests.length).toBe(3);
    agent.destroy();
  });

  it('may be silent for longer than an idle one is kept', async () => {
    const { origin } = await httpServer((_request, response) => {
      setTimeout(() => response.end('ok'), 4_500);
    });
    expect(await answered(await upstreamTo(origin).send('openai', post())).text()).toBe('ok');
  });

  it('that says something unasked does not answer the next call with it', async () => {
    let calls = 0;
    const port = await rawServer((socket) =>
      socket.on('data', () => {
        calls += 1;
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nasked');
        if (calls === 1)
          setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nunasked'), 20);
      }),
    );
    const upstream = upstreamTo(`http://127.0.0.1:${port}`);
    for (let call = 0; call < 2; call += 1) {
      expect(await answered(await upstream.send('openai', post())).text()).toBe('asked');
      await wait(60);
    }
    expect(calls).toBe(2);
  });
});

describe('close', () => {
  it('waits for the calls in flight, takes no more, and leaves no connection', async () => {
    const { origin, requests, connections } = await httpServer((_request, response) => {
      response.write('first');
      setTimeout(() => response.end(), 50);
    });
    const upstream = new HttpUpstream({ openai: { origin, apiKey: undefined } });
    const response = answered(await upstream.send('openai', post()));
    let isClosed = false;
    const closing = upstream.close().then(() => (isClosed = true));
    expect(await upstream.send('openai', post())).toEqual({ kind: 'not_sent', reason: 'closed' });
    expect(isClosed).toBe(false);
    expect(await response.text()).toBe('first');
    await closing;
    const [connection] = connections;
    if (!connection!.closed) await once(connection!, 'close');
    expect(requests.length).toBe(1);
  });
});

import { getEventListeners, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answered, httpServer, post, rawServer, saying, upstreamTo } from '../support/socket-servers.ts';

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
    await expect(rest).rejects.toThrow('closed within the answer');
  });

  it('by silence errors', async () => {
    const { origin } = await httpServer((_request, response) => response.write('hello'));
    const response = answered(await upstreamTo(origin, { bodyMs: 50 }).send('openai', post()));
    await expect(response.text()).rejects.toThrow('no more of the answer within 50 ms');
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

describe('a slow answer', () => {
  it('is waited for, each part of it for its own time', async () => {
    const { origin } = await httpServer(async (_request, response) => {
      for (let piece = 0; piece < 6; piece += 1) {
        await wait(250);
        response.write('.');
      }
      response.end();
    });
    const limits = { connectMs: 200, headersMs: 1000, bodyMs: 1000 };
    const response = answered(await upstreamTo(origin, limits).send('openai', post()));
    expect(await response.text()).toBe('......');
  });
});

describe('a body whose end does not fit', () => {
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

  /** Says it and closes, cleanly. */
  async function bodyOf(said: string): Promise<Promise<string>> {
    const port = await rawServer((socket) => socket.once('data', () => socket.end(said)));
    const response = answered(await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post()));
    const text = response.text();
    text.catch(() => undefined);
    return text;
  }

  it.each([
    ['shorter than its length', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello'],
    ['without its length', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n'],
    ['cut within a chunk', `${chunked}a\r\nhello`],
    ['cut between chunks', `${chunked}5\r\nhello\r\n`],
    ['cut within the last chunk', `${chunked}5\r\nhello\r\n0\r\n`],
    ['with a chunk that is none', `${chunked}5\r\nhello\r\nzz\r\n`],
  ])('%s errors', async (_what, said) => {
    await expect(bodyOf(said)).rejects.toThrow();
  });

  it('by its connection ends with it, as HTTP says', async () => {
    expect(await bodyOf('HTTP/1.1 200 OK\r\n\r\nhello')).toBe('hello');
  });

  it('by its connection errors where that is reset', async () => {
    const port = await rawServer((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\nhello');
        setTimeout(() => socket.resetAndDestroy(), 20);
      }),
    );
    const response = answered(await upstreamTo(`http://127.0.0.1:${port}`).send('openai', post()));
    await expect(response.text()).rejects.toThrow('ECONNRESET');
  });

  it('whose rest follows at once is not longer for it', async () => {
    const origin = await saying(
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\nmore',
    );
    const response = answered(await upstreamTo(origin).send('openai', post()));
    expect(await response.text()).toBe('hello');
  });
});

describe('a body that nobody reads', () => {
  const SIZE = 64 << 20;

  it('stops the provider, and comes whole once it is read', async () => {
    let written = 0;
    const { origin } = await httpServer((_request, response) => {
      const piece = Buffer.alloc(64 << 10, 'x');
      const write = (): void => {
        while (written < SIZE) {
          written += piece.length;
          if (!response.write(piece)) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    });
    const response = answered(await upstreamTo(origin).send('openai', post()));
    for (let before = -1; before !== written;) {
      before = written;
      await wait(100);
    }
    // What the system's own buffers hold, and little of ours.
    expect(written).toBeLessThan(SIZE / 2);
    expect((await response.arrayBuffer()).byteLength).toBe(SIZE);
  });

  it('comes whole though the provider has gone meanwhile', async () => {
    const { origin } = await httpServer((_request, response) => {
      response.setHeader('connection', 'close');
      response.end(Buffer.alloc(300_000, 'x'));
    });
    const response = answered(await upstreamTo(origin).send('openai', post()));
    await wait(100);
    expect((await response.arrayBuffer()).byteLength).toBe(300_000);
  });

  it('is not late', async () => {
    const { origin } = await httpServer((_request, response) => response.end(Buffer.alloc(16 << 20, 'x')));
    const response = answered(await upstreamTo(origin, { bodyMs: 50 }).send('openai', post()));
    await wait(200);
    expect((await response.arrayBuffer()).byteLength).toBe(16_777_216);
  });

  it('is late when nothing more comes once it is read', async () => {
    const { origin } = await httpServer((_request, response) => response.write(Buffer.alloc(64 << 10, 'x')));
    const response = answered(await upstreamTo(origin, { bodyMs: 50 }).send('openai', post()));
    await wait(200);
    await expect(response.text()).rejects.toThrow('no more of the answer within 50 ms');
  });

  it('can still be aborted', async () => {
    const abort = new AbortController();
    const { origin } = await httpServer((_request, response) => response.end(Buffer.alloc(16 << 20, 'x')));
    const response = answered(await upstreamTo(origin).send('openai', post({ signal: abort.signal })));
    await wait(50);
    abort.abort();
    await expect(response.text()).rejects.toThrow('aborted');
  });
});

describe('the caller’s signal has no listener any more', () => {
  const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;
  const { signal } = new AbortController();

  it('when the answer has ended', async () => {
    const { origin } = await httpServer((_request, response) => {
      response.write('hello');
      setTimeout(() => response.end(), 50);
    });
    const response = answered(await upstreamTo(origin).send('openai', post({ signal })));
    expect(listeners(signal)).toBe(1);
    await response.text();
    expect(listeners(signal)).toBe(0);
  });

  it('when the answer has no body', async () => {
    const { origin } = await httpServer((_request, response) => response.writeHead(204).end());
    answered(await upstreamTo(origin).send('openai', post({ signal })));
    await wait(0);
    expect(listeners(signal)).toBe(0);
  });

  it('when the answer was cut, and when it was cancelled', async () => {
    const { origin } = await httpServer((_request, response) => {
      response.write('hello');
      setTimeout(() => response.destroy(), 20);
    });
    const upstream = upstreamTo(origin);
    const cut = answered(await upstream.send('openai', post({ signal })));
    await expect(cut.text()).rejects.toThrow();
    expect(listeners(signal)).toBe(0);
    const cancelled = answered(await upstream.send('openai', post({ signal })));
    await cancelled.body!.cancel();
    expect(listeners(signal)).toBe(0);
  });

  it('when no answer came, and when nothing was sent', async () => {
    const { origin } = await httpServer((_request, response) => response.destroy());
    expect((await upstreamTo(origin).send('openai', post({ signal }))).kind).toBe('no_answer');
    expect((await upstreamTo('http://spendcap.invalid').send('openai', post({ signal }))).kind).toBe(
      'not_sent',
    );
    expect((await upstreamTo(origin).send('openai', post({ signal, path: ' ' }))).kind).toBe('not_sent');
    expect(listeners(signal)).toBe(0);
  });
});

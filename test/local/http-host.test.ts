import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Agent, request } from 'undici';
import { startHttpHost, type HttpHost } from '../../local/http-host.ts';

const agent = new Agent();
let host: HttpHost | undefined;
const reported: string[] = [];
const report = (reason: string): void => void reported.push(reason);
afterEach(async () => {
  await host?.stop();
  host = undefined;
  reported.length = 0;
});

async function start(fetch: (request: Request) => Response | Promise<Response>): Promise<HttpHost> {
  host = await startHttpHost({ host: '127.0.0.1', port: 0, fetch, report });
  return host;
}

/** A body that is fed by hand. */
function fedBody(): {
  body: ReadableStream<Uint8Array>;
  feed: (text: string) => void;
  end: () => void;
  fail: () => void;
} {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  return {
    body,
    feed: (text) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    fail: () => controller.error(new Error('cut')),
  };
}

describe('stopping', () => {
  it('waits for a call in flight, and lets nobody in', async () => {
    const { body, feed, end } = fedBody();
    const { url, stop } = await start(() => new Response(body));
    const { body: answer } = await request(`${url}/`, { dispatcher: agent });
    feed('before ');
    const stopped = stop();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    feed('after');
    end();
    expect(await answer.text()).toBe('before after');
    await stopped;
    host = undefined;
  });

  it('does not cut an answer that is written but has not left yet', async () => {
    const { url, stop } = await start(() => new Response(Buffer.alloc(32 << 20, 'x')));
    const { body } = await request(`${url}/`, { dispatcher: agent });
    const stopped = stop();
    expect((await body.arrayBuffer()).byteLength).toBe(33_554_432);
    await stopped;
    host = undefined;
  });

  it('closes idle connections, kept alive or never used', async () => {
    const { url, stop } = await start(() => new Response('ok'));
    await (await request(`${url}/`, { dispatcher: agent })).body.text();
    const unused = connect(Number(new URL(url).port), '127.0.0.1');
    await once(unused, 'connect');
    await stop();
    host = undefined;
  });
});

describe('a body that breaks', () => {
  it.each(['text/plain', 'text/event-stream'])('(%s) is cut for the client, never ended', async (type) => {
    const printed = vi.spyOn(console, 'error');
    const { body, feed, fail } = fedBody();
    const { url } = await start(() => new Response(body, { headers: { 'content-type': type } }));
    const { body: answer } = await request(`${url}/`, { dispatcher: agent });
    feed('part');
    const reader = answer[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    expect((await reader.next()).value?.toString()).toBe('part');
    fail();
    await expect(reader.next()).rejects.toThrow('other side closed');
    expect(reported).toEqual(['cut']);
    expect(printed).not.toHaveBeenCalled();
  });

  it('before its first byte is cut too', async () => {
    const printed = vi.spyOn(console, 'error');
    const { body, fail } = fedBody();
    fail();
    const { url } = await start(() => new Response(body));
    await expect(request(`${url}/`, { dispatcher: agent })).rejects.toThrow('other side closed');
    expect(reported).toEqual(['cut']);
    expect(printed).not.toHaveBeenCalled();
  });
});

it('a client that leaves a silent answer is not reported as one that was cut', async () => {
  let cancelled!: () => void;
  const left = new Promise<void>((resolve) => (cancelled = resolve));
  const begun = new TextEncoder().encode('begun');
  const body = new ReadableStream<Uint8Array>({
    start: (to) => to.enqueue(begun),
    cancel: () => cancelled(),
  });
  const { url } = await start(() => new Response(body));
  const answer = await request(`${url}/`, { dispatcher: agent });
  await once(answer.body, 'data');
  answer.body.on('error', () => undefined).destroy();
  await left;
  await host!.stop();
  host = undefined;
  expect(reported).toEqual([]);
});

it('a client that leaves cancels the body', async () => {
  const cancelled = new Promise<void>((resolve) => {
    void start(
      () =>
        new Response(
          new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1024)), cancel: () => resolve() }),
        ),
    )
      .then(({ url }) => request(`${url}/`, { dispatcher: agent }))
      .then(({ body }) => body.on('error', () => undefined).destroy());
  });
  await cancelled;
});

describe('a flood of headers', () => {
  const pairs = (n: number, length: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`x-odd-${i}`, 'x'.repeat(length)]));
  it.each([
    ['one without an end', pairs(1, 1 << 20)],
    ['ten thousand', pairs(10_000, 10)],
  ])('(%s) is refused before anybody looks at it', async (_, headers) => {
    let asked = 0;
    const { url } = await start(() => {
      asked += 1;
      return new Response('ok');
    });
    const refused = await request(`${url}/`, { dispatcher: agent, headers });
    expect(refused.statusCode).toBe(431);
    await refused.body.dump();
    expect(asked).toBe(0);
    expect((await request(`${url}/`, { dispatcher: agent })).statusCode).toBe(200);
  });
});

describe('a port that cannot be had', () => {
  it('is explained', async () => {
    const { url } = await start(() => new Response('ok'));
    const port = Number(new URL(url).port);
    const fetch = (): Response => new Response();
    await expect(startHttpHost({ host: '127.0.0.1', port, fetch, report })).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is in use; stop what uses it, or set PORT to another.`,
    );
    await expect(startHttpHost({ host: '203.0.113.7', port: 0, fetch, report })).rejects.toThrow(
      '203.0.113.7 is no address of this machine; set HOST to one, such as 127.0.0.1.',
    );
  });
});

describe('HTTP/2', () => {
  /** All that comes back, as text; the session is left open. */
  function get(session: ClientHttp2Session, path: string): Promise<string> {
    const stream = session.request({ ':path': path });
    return new Promise((resolve, reject) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.once('end', () => resolve(text));
      stream.once('error', reject);
      stream.end();
    });
  }

  it('is answered on the same port, paths as they came', async () => {
    const { url } = await start((given) => new Response(new URL(given.url).pathname));
    const session = connectHttp2(url);
    expect(await get(session, '/model/a%3A0/converse')).toBe('/model/a%3A0/converse');
    expect(await get(session, '/model/a:0/converse')).toBe('/model/a:0/converse');
    expect(await (await fetch(`${url}/plain`)).text()).toBe('/plain');
    session.close();
  });

  it('waits for a call in flight when it stops, and cuts nobody off', async () => {
    const { body, feed, end } = fedBody();
    const { url, stop } = await start(
      () => new Response(body, { headers: { 'content-type': 'application/vnd.amazon.eventstream' } }),
    );
    const session = connectHttp2(url);
    const answer = get(session, '/');
    feed('before ');
    await once(session, 'remoteSettings');
    const stopped = stop();
    feed('after');
    end();
    expect(await answer).toBe('before after');
    await stopped;
  });

  it('lets go of a client that never reads, and of one that says nothing', async () => {
    const { url, stop } = await start(() => new Response('unread'));
    const session = connectHttp2(url);
    const stream = session.request({ ':path': '/' });
    stream.end();
    await once(stream, 'response');
    const silent = connect(Number(new URL(url).port), '127.0.0.1');
    await once(silent, 'connect');
    await stop();
    session.destroy();
  });

  it('is cut where the body breaks', async () => {
    const { body, feed, fail } = fedBody();
    const { url } = await start(
      () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
    );
    const session = connectHttp2(url);
    session.on('error', () => undefined);
    const answer = get(session, '/');
    const refused = expect(answer).rejects.toThrow();
    feed('half');
    fail();
    await refused;
    expect(reported).toEqual(['cut']);
    session.destroy();
  });
});

/** Fetching a document over real HTTP: conditions, sizes, time, redirects, encodings, and all that goes wrong. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchDocument } from '../../lambdas/adapters/price-feeds/document.ts';
import { startFeedServer, type FeedServer } from '../support/feed-server.ts';

const NEVER_READ = { etag: undefined, lastModified: undefined };

let feeds: FeedServer;
beforeAll(async () => {
  feeds = await startFeedServer();
});
afterAll(() => feeds.close());

describe('a document', () => {
  it('is read once, and then only when it has changed', async () => {
    feeds.serve('/tagged', { a: 1 });
    const first = await fetchDocument(`${feeds.url}/tagged`, NEVER_READ);
    if (first.kind !== 'read') throw new Error(first.kind);
    expect(first.text).toBe('{"a":1}');
    expect(await fetchDocument(`${feeds.url}/tagged`, first)).toEqual({ kind: 'unchanged' });
    feeds.serve('/tagged', { a: 2 });
    expect(await fetchDocument(`${feeds.url}/tagged`, first)).toMatchObject({
      kind: 'read',
      text: '{"a":2}',
    });
  });

  it('is asked for by its date where it has no tag', async () => {
    const date = 'Sun, 29 Nov 2026 12:00:00 GMT';
    feeds.serve('/dated', (request, response) => {
      const isKnown = request.headers['if-modified-since'] === date;
      response.writeHead(isKnown ? 304 : 200, { 'last-modified': date }).end(isKnown ? undefined : '{}');
    });
    const first = await fetchDocument(`${feeds.url}/dated`, NEVER_READ);
    expect(first).toEqual({ kind: 'read', text: '{}', etag: undefined, lastModified: date });
    expect(await fetchDocument(`${feeds.url}/dated`, { etag: undefined, lastModified: date })).toEqual({
      kind: 'unchanged',
    });
  });

  it('may be compressed', async () => {
    feeds.serve('/gzip', (request, response) => {
      expect(request.headers['accept-encoding']).toContain('gzip');
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"ä":"€"}'));
    });
    expect(await fetchDocument(`${feeds.url}/gzip`, NEVER_READ)).toMatchObject({ text: '{"ä":"€"}' });
  });

  it('is what it is, whatever type its server gives it', async () => {
    feeds.serve('/page', (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('{"a":1}'),
    );
    expect(await fetchDocument(`${feeds.url}/page`, NEVER_READ)).toMatchObject({ text: '{"a":1}' });
  });

  it('may have moved within its host', async () => {
    feeds.serve('/old', (_request, response) => response.writeHead(301, { location: '/new' }).end());
    feeds.serve('/new', { moved: true });
    expect(await fetchDocument(`${feeds.url}/old`, NEVER_READ)).toMatchObject({ text: '{"moved":true}' });
  });
});

describe('a document fails', () => {
  const failure = async (path: string, limits = {}): Promise<string> => {
    const fetched = await fetchDocument(
      path.startsWith('http') ? path : feeds.url + path,
      NEVER_READ,
      limits,
    );
    return fetched.kind === 'failed' ? fetched.reason : fetched.kind;
  };

  it('where it redirects to another host, which is not asked', async () => {
    const other = await startFeedServer();
    other.serve('/poison', { poison: true });
    feeds.serve('/away', (_request, response) =>
      response.writeHead(302, { location: `${other.url}/poison` }).end(),
    );
    expect(await failure('/away')).toBe(`it redirects to another host, ${new URL(other.url).host}`);
    expect(other.served).toEqual([]);
    await other.close();
  });

  it('where it redirects in a circle, or to nowhere', async () => {
    feeds.serve('/circle', (_request, response) => response.writeHead(307, { location: '/circle' }).end());
    expect(await failure('/circle')).toBe('it redirects more than 3 times');
    feeds.serve('/nowhere', (_request, response) => response.writeHead(302).end());
    expect(await failure('/nowhere')).toBe('it redirects more than 3 times');
    feeds.serve('/mailto', (_request, response) => response.writeHead(302, { location: 'mailto:x@y' }).end());
    expect(await failure('/mailto')).toContain('another host');
  });

  it('where it is not there, or its server fails', async () => {
    expect(await failure('/missing')).toBe('it answered with status 404');
    feeds.serve('/busy', (_request, response) => response.writeHead(503).end('busy'));
    expect(await failure('/busy')).toBe('it answered with status 503');
  });

  it('where it is larger than it may be, and is not read to its end', async () => {
    let sent = 0;
    feeds.serve('/endless', (_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536))) sent += 65_536;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await failure('/endless', { bytesMax: 1_000_000 })).toBe('it has more than 1000000 bytes');
    expect(sent).toBeLessThan(64_000_000);
  });

  it('where it says that it is half a gigabyte, and goes on for ever', async () => {
    let sent = 0;
    feeds.serve('/gigantic', (_request, response) => {
      response.writeHead(200, { 'content-length': 500 * 1024 * 1024 });
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(65_536))) sent += 65_536;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await failure('/gigantic')).toBe('it has more than 16777216 bytes');
    expect(sent).toBeLessThan(100_000_000);
  });

  it('where little becomes much when it is unpacked', async () => {
    const bomb = gzipSync('0'.repeat(20_000_000));
    expect(bomb.length).toBeLessThan(30_000);
    feeds.serve('/bomb', (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    expect(await failure('/bomb')).toBe('it has more than 16777216 bytes');
  });

  it('where it is cut off', async () => {
    feeds.serve('/cut', (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"a":', () => response.destroy());
    });
    expect(await failure('/cut')).not.toBe('read');
  });

  it('where its packing is broken, or its text is not UTF-8', async () => {
    feeds.serve('/packing', (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip'),
    );
    expect(await failure('/packing')).toContain('incorrect header check');
    feeds.serve('/latin', (_request, response) =>
      response.writeHead(200).end(Buffer.from([0x22, 0xe4, 0x22])),
    );
    expect(await failure('/latin')).toContain('encoded data was not valid');
  });

  it('where it does not come in time', async () => {
    feeds.serve('/silent', () => undefined);
    expect(await failure('/silent', { timeoutMs: 50 })).toBe('no answer within 0.05 s');
    feeds.serve('/slow', (_request, response) => {
      response.writeHead(200);
      response.write('{');
    });
    expect(await failure('/slow', { timeoutMs: 50 })).toBe('no answer within 0.05 s');
  });

  it('where it comes a byte at a time, each in time and all together not', async () => {
    feeds.serve('/drip', (_request, response) => {
      response.writeHead(200);
      const drops = setInterval(() => response.write(' '), 10);
      response.once('close', () => clearInterval(drops));
    });
    expect(await failure('/drip', { timeoutMs: 200 })).toBe('no answer within 0.2 s');
  });

  it('where nothing listens', async () => {
    const gone = await startFeedServer();
    await gone.close();
    expect(await failure(`${gone.url}/x`)).toContain('ECONNREFUSED');
  });

  it('where whoever asked stops', async () => {
    feeds.serve('/silent', () => undefined);
    const stop = new AbortController();
    const reason = failure('/silent', { signal: stop.signal });
    stop.abort();
    expect(await reason).toContain('aborted');
  });
});

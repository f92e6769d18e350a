/**
 * The canary against a real local server, and against gateways that break the promise in front of it: each must
 * make it fail, or nobody would be told.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CanaryFailed, createHandler, parseCanaryKey } from '../../lambdas/canary/handler.ts';
import { probeCap } from '../../lambdas/canary/probe.ts';
import { systemClock } from '../../lambdas/runtime/clock.ts';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';

let spendcap: LocalSpendcap;
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());

const newCanary = (): Promise<Caller> =>
  spendcap.newCaller([
    { limit: '0.01', window: 'day', thresholds: { warn: null, throttle: null, block: null } },
  ]);

/** A front that hands requests on to the real server, as `change` says, and answers in its place where that says so. */
type Change = (request: {
  path: string;
  key: string;
  calls: number;
}) => { key?: string; answer?: { status: number; body: unknown } } | undefined;
const fronts: Server[] = [];
async function front(change: Change): Promise<string> {
  let calls = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const body = (await request.toArray()).join('');
      const path = request.url!;
      if (path === '/v1/chat/completions') calls += 1;
      const key = request.headers.authorization!.replace('Bearer ', '');
      const changed = change({ path, key, calls });
      const answer = changed?.answer;
      if (answer) {
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer.body));
        return;
      }
      const handedOn = await fetch(spendcap.url + path, {
        method: request.method!,
        headers: {
          authorization: `Bearer ${changed?.key ?? key}`,
          'content-type': 'application/json',
          'x-spendcap-clamp': 'never',
        },
        ...(body && { body }),
      });
      const text = await handedOn.text();
      const cost = handedOn.headers.get('x-spendcap-cost-usd');
      response.writeHead(handedOn.status, {
        'content-type': 'application/json',
        ...(cost !== null && { 'x-spendcap-cost-usd': cost }),
      });
      response.end(text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fronts.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(async () => {
  for (const server of fronts.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('a gateway that keeps the promise', () => {
  test('lets the small call through and refuses the large one, run after run', async () => {
    const canary = await newCanary();
    for (const gatewayUrl of [spendcap.url, `${spendcap.url}/`, await front(() => undefined)])
      expect(await probeCap({ gatewayUrl, key: canary.key })).toMatchObject({ kind: 'held' });
    expect(canary.arrivals().filter(({ path }) => path === '/v1/chat/completions')).toHaveLength(6);
  });
});

describe('a gateway that breaks it', () => {
  test('by admitting too much', async () => {
    const canary = await newCanary();
    const rich = await spendcap.newCaller([{ limit: '100.00' }]);
    const gatewayUrl = await front(({ calls, path }) =>
      calls > 1 && path === '/v1/chat/completions' ? { key: rich.key } : undefined,
    );
    expect(await probeCap({ gatewayUrl, key: canary.key })).toEqual({
      kind: 'failed',
      reason: 'the second call was not refused but answered 200',
    });
  });

  test('by charging nobody', async () => {
    const canary = await newCanary();
    const rich = await spendcap.newCaller([{ limit: '100.00' }]);
    const gatewayUrl = await front(({ path }) =>
      path === '/v1/chat/completions' ? { key: rich.key } : undefined,
    );
    expect(await probeCap({ gatewayUrl, key: canary.key })).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/^the first call cost \$0\.0\d+ and was not charged$/) as string,
    });
  });

  test('by charging a refused call', async () => {
    const canary = await newCanary();
    const budget = (settled: string, reserved = '0.00') => ({
      answer: {
        status: 200,
        body: { caps: [{ metric: 'usd', limit: '0.01', settled, reserved }] },
      },
    });
    for (const after of [budget('0.007'), budget('0.005', '0.001')]) {
      const gatewayUrl = await front(({ path, calls }) =>
        path === '/v1/budget' ? (calls === 1 ? budget('0.005') : after) : undefined,
      );
      expect(await probeCap({ gatewayUrl, key: canary.key })).toEqual({
        kind: 'failed',
        reason: 'the refused call was charged',
      });
    }
  });

  test('by refusing for another reason', async () => {
    const canary = await newCanary();
    const answer = { status: 429, body: { error: { code: 'rate_limit_exceeded' } } };
    const gatewayUrl = await front(({ calls, path }) =>
      calls > 1 && path === '/v1/chat/completions' ? { answer } : undefined,
    );
    expect(await probeCap({ gatewayUrl, key: canary.key })).toEqual({
      kind: 'failed',
      reason: 'the second call was refused with rate_limit_exceeded',
    });
  });

  test('by refusing everything', async () => {
    expect(await probeCap({ gatewayUrl: spendcap.url, key: 'sck_local_nobody' })).toEqual({
      kind: 'failed',
      reason: 'the first call was answered 401 invalid_api_key',
    });
  });

  test('or a canary without its cent', async () => {
    const { key } = await spendcap.newCaller([{ limit: '5.00' }]);
    expect(await probeCap({ gatewayUrl: spendcap.url, key })).toEqual({
      kind: 'failed',
      reason: 'the canary’s user has no cap of $0.01',
    });
  });
});

describe('the scheduled function', () => {
  const run = async (target: () => Promise<{ gatewayUrl: string; key: string }>) => {
    const lines: Record<string, unknown>[] = [];
    const handler = createHandler({ target, clock: systemClock, log: (line) => lines.push(line) });
    const error: unknown = await handler().catch((thrown: unknown) => thrown);
    return { lines, error };
  };

  test('writes a metric of 0 where the promise held', async () => {
    const { key } = await newCanary();
    const { lines, error } = await run(async () => ({ gatewayUrl: spendcap.url, key }));
    expect(error).toBeUndefined();
    expect(lines).toMatchObject([{ kind: 'canary_held', Service: 'canary', CanaryFailed: 0 }]);
    expect(JSON.stringify(lines)).not.toContain(key);
  });

  test('writes a metric of 1 and fails where it did not, or could not be asked', async () => {
    const targets = [
      async () => ({ gatewayUrl: spendcap.url, key: 'sck_local_nobody' }),
      async () => ({ gatewayUrl: 'http://127.0.0.1:9', key: 'k' }),
      () => Promise.reject(new Error('no secret')),
    ];
    for (const target of targets) {
      const { lines, error } = await run(target);
      expect(error).toBeInstanceOf(CanaryFailed);
      expect(lines).toMatchObject([{ kind: 'canary_failed', CanaryFailed: 1 }]);
    }
  });

  test('reads its key, and shows nothing of a secret that is none', () => {
    expect(parseCanaryKey('{"key": "sck_x", "unused": "y"}')).toBe('sck_x');
    expect(() => parseCanaryKey('{"key": "", "unused": "secret-text"}')).toThrow(/^the secret has no key/);
    expect(() => parseCanaryKey('secret-text')).toThrow(/no JSON$/);
  });
});

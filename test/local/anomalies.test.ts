/** Unusual days on the local server: from calls to a customer's own system and finance's mail, once, whatever is told again. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { durationMs } from '../../lambdas/core/brands.ts';
import type { AnomalyDetected } from '../../lambdas/core/events/anomaly-detected.ts';
import { usd } from '../../lambdas/core/money.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import type { Mail } from '../../local/outbox.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { blocksOf, runBlock } from '../support/doc-blocks.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const MINUTE = 60_000;

let receiver: WebhookReceiver;
let server: LocalServer;
const reported: unknown[] = [];
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-17T10:00:00Z') });
  receiver = await startReceiver();
  server = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: 'admin-key', upstreams: {} },
    policy: parsePolicy({
      org: { digests: [] },
      ...{ admitUncapped: true, plans: {} },
      anomalies: { timesUsual: 4, aboveUsual: '0.0001' },
      webhooks: [{ id: 'chat', url: receiver.url, events: ['AnomalyDetected'] }],
    }),
    webhookSecrets: new Map([['chat', [SECRET]]]),
    rollUpEvery: durationMs(20),
    report: (event) => void reported.push(event),
  });
});
afterAll(async () => {
  vi.useRealTimers();
  await server.close();
  await receiver.close();
});

const ask = async <T>(method: string, path: string, key: string, body?: object): Promise<T> => {
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    accept: 'application/json',
  };
  const response = await fetch(server.url + path, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as T;
};
const keyOf = async (user: string): Promise<string> =>
  (await ask<{ key: string }>('POST', '/admin/v1/keys', 'admin-key', { app: 'web', team: 'growth', user }))
    .key;
async function call(key: string, times: number): Promise<void> {
  const body = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] };
  for (let i = 0; i < times; i += 1) await ask('POST', '/v1/chat/completions', key, body);
}
/** Signatures are no matter here: time goes by faster than they hold. */
const told = (): AnomalyDetected[] =>
  receiver.received.map(({ body, headers }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: AnomalyDetected };
    expect([type, headers['webhook-id']]).toEqual(['AnomalyDetected', data.id]);
    return data;
  });
/** Time goes by until so much was told. */
const untilTold = (count: number): Promise<void> =>
  vi.waitFor(
    () => {
      vi.setSystemTime(Date.now() + MINUTE);
      expect(told()).toHaveLength(count);
    },
    { timeout: 10_000, interval: 20 },
  );

test('who spends many times the usual is told of, once', async () => {
  const [alice, bob] = [await keyOf('alice'), await keyOf('bob')];
  for (let day = 17; day <= 23; day += 1) {
    vi.setSystemTime(`2026-11-${day}T10:00:00Z`);
    await call(alice, 1);
    await call(bob, 1);
  }
  vi.setSystemTime('2026-11-24T09:58:00Z');
  await call(alice, 9);
  await call(bob, 1);
  await untilTold(1);
  const [event] = told() as [AnomalyDetected];
  expect(event).toMatchObject({
    ...{ version: 1, scope: { type: 'user', id: 'alice' }, day: '2026-11-24', time_zone: 'UTC' },
    ...{ from: '2026-11-24T00:00:00Z', until: '2026-11-24T10:00:00Z', requests: 9, days: 7 },
    causes: [{ user: 'alice', team: 'growth', app: 'web', feature: 'default', model: 'gpt-5-mini' }],
  });
  expect(Date.parse(event.at)).toBeGreaterThanOrEqual(Date.parse('2026-11-24T10:16:00Z'));
  expect(event.causes[0]!.cost_usd).toBe(event.spent_usd);
  expect(usd(event.unusual_from_usd)).toBe(usd(event.usual_usd) * 4n);

  // Everything is told again, and more is spent; then something else is unusual.
  await ask('POST', '/admin/v1/feed/redrive', 'admin-key', { from: '2026-11-17T00:00:00Z' });
  await call(alice, 5);
  await call(bob, 8);
  await untilTold(2);
  expect(told().map(({ scope }) => scope.id)).toEqual(['alice', 'bob']);

  const { items } = await ask<{ items: Mail[] }>('GET', '/outbox', 'admin-key');
  expect(items.map(({ to, subject }) => [to, subject.split(' spent ')[0]])).toEqual([
    ['finance@localhost', 'Spendcap: alice'],
    ['finance@localhost', 'Spendcap: bob'],
  ]);
  expect(reported).toEqual([]);
});

test('the commands of docs/anomalies.md list what was told', async () => {
  const blocks = blocksOf('docs/anomalies.md', ['sh']);
  expect(blocks).toHaveLength(1);
  const printed = await runBlock(blocks[0]!, server);
  const table = printed.slice(0, printed.indexOf('{'));
  expect(table).toMatch(
    /^day +who +spent usd +usual usd +noticed +most on\n2026-11-24 +user:bob .*\n2026-11-24 +user:alice .* web\/default with gpt-5-mini\n$/,
  );
  const { items } = JSON.parse(printed.slice(table.length)) as { items: AnomalyDetected[] };
  expect(items).toEqual(told().toReversed());
}, 60_000);

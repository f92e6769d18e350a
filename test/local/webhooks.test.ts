/** From a request for more to a customer's own system, on the local server; what fails is tried again. */
import { Webhook } from 'standardwebhooks';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openSqliteEngine } from '../../lambdas/adapters/table/local/sqlite-engine.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import type { Clock } from '../../lambdas/core/ports.ts';
import { localDeadLetters } from '../../local/dead-letters.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { startWebhooks } from '../../local/webhooks.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { ledgerOver, ManualClock, NOON } from '../support/worlds.ts';

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const EVENT = {
  type: 'PricesChanged' as const,
  detail: { id: 'f'.repeat(64), version: 1 as const, added: ['x'], total: 1 },
};

let receiver: WebhookReceiver;
let server: LocalServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
  await receiver.close();
});

test('who subscribed hears of a request and of its approval, signed', async () => {
  receiver = await startReceiver();
  const reported: unknown[] = [];
  const started = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: 'admin-key', upstreams: {} },
    policy: parsePolicy({
      webhooks: [
        { id: 'chat', url: `${receiver.url}/chat`, events: ['GrantRequested', 'GrantApproved'] },
        { id: 'without', url: `${receiver.url}/without` },
      ],
    }),
    webhookSecrets: new Map([['chat', [SECRET]]]),
    report: (event) => void reported.push(event),
  });
  server = started;
  const ask = async (path: string, key: string, body: object): Promise<{ id: string; key: string }> => {
    const method = path.includes('/caps/') ? 'PUT' : 'POST';
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await fetch(started.url + path, { method, headers, body: JSON.stringify(body) });
    return (await answer.json()) as { id: string; key: string };
  };
  const scope = { type: 'user', id: 'ann' };
  await ask('/admin/v1/caps/ann', 'admin-key', { scope, metric: 'usd', window: 'day', limit: '1.00' });
  const { key } = await ask('/admin/v1/keys', 'admin-key', { app: 'web', team: 'growth', user: 'ann' });
  const { id } = await ask('/v1/grants', key, { cap: 'ann', amount: '2.00', reason: 'The report is due' });
  await ask(`/admin/v1/grants/${id}/approve`, 'admin-key', {});

  await vi.waitFor(() => expect(receiver.received).toHaveLength(2), { timeout: 10_000 });
  const told = receiver.received.map(({ body, headers }) => new Webhook(SECRET).verify(body, headers));
  expect(told).toMatchObject([
    { type: 'GrantRequested', data: { grant: id, requested: '2.00' } },
    { type: 'GrantApproved', data: { grant: id, approved: '2.00' } },
  ]);
  expect(receiver.received.every(({ path }) => path === '/chat')).toBe(true);
  expect(reported).toContainEqual({
    kind: 'webhooks',
    reason: expect.stringContaining('Nothing is posted to the webhook without') as string,
  });
});

describe('what fails', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spendcap-webhooks-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const reported: string[] = [];
  /** A process of its own over the books of the folder. */
  const open = (clock: Clock) => {
    const engine = openSqliteEngine({ directory: folder, clock });
    const { table } = ledgerOver({ api: engine, tableName: 't' }, clock);
    const webhooks = startWebhooks({
      webhooks: parsePolicy({ webhooks: [{ id: 'erp', url: receiver.url }] }).webhooks,
      secrets: new Map([['erp', [SECRET]]]),
      ...{ table, clock },
      report: (reason) => reported.push(reason),
    });
    const close = async () => {
      await webhooks.stop();
      engine.close();
    };
    return { webhooks, letters: localDeadLetters(webhooks.givenUp), close };
  };
  beforeEach(() => {
    reported.length = 0;
  });
  const idsReceived = () => receiver.received.map(({ headers }) => headers['webhook-id']);

  test('is tried again, later each time, under the same id', async () => {
    receiver = await startReceiver([500, 503, 204]);
    const { webhooks, close } = open(new ManualClock());
    await webhooks.publish(EVENT);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(3));
    await close();
    expect(new Set(idsReceived())).toEqual(new Set([EVENT.detail.id]));
    expect(reported).toEqual([
      'PricesChanged for the webhook erp failed: it answered 500; tried again in 5 s',
      'PricesChanged for the webhook erp failed: it answered 503; tried again in 30 s',
    ]);
  });

  test('survives a restart, with its attempts and the rest of its pause', async () => {
    receiver = await startReceiver([500, 503, 204]);
    const clock = new SteppedClock();
    const first = open(clock);
    await first.webhooks.publish(EVENT);
    await vi.waitFor(() => expect(reported).toHaveLength(1));
    await first.close();

    const second = open(clock);
    await clock.pass(4);
    expect(receiver.received).toHaveLength(1);
    // Told once more while it waits, as the change feed does at each start.
    await second.webhooks.publish(EVENT);
    await clock.pass(1);
    await vi.waitFor(() => expect(reported).toHaveLength(2));
    await second.close();
    expect(reported[1]).toContain('it answered 503; tried again in 30 s');

    await clock.pass(30);
    const third = open(clock);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(3));
    await third.close();
    const fourth = open(clock);
    await clock.pass(3600);
    await fourth.close();
    expect(idsReceived()).toEqual(Array(3).fill(EVENT.detail.id));
  });

  test('is given up after nine attempts, waits with the dead letters, and can be sent again', async () => {
    receiver = await startReceiver([...Array<number>(9).fill(500), 204]);
    const clock = new ManualClock();
    const first = open(clock);
    await first.webhooks.publish(EVENT);
    await vi.waitFor(() => expect(reported).toHaveLength(9), { timeout: 10_000 });
    await first.close();
    expect(receiver.received).toHaveLength(9);
    expect(reported.at(-1)).toBe('PricesChanged for the webhook erp failed: it answered 500; given up');

    const { letters, close } = open(clock);
    const empty = { queue: 'webhooks', messages: 0, oldest: undefined, reasons: [] };
    const reasons = [{ reason: 'it answered 500', messages: 1 }];
    expect(await letters.list()).toEqual([{ ...empty, messages: 1, oldest: NOON, reasons }]);
    expect(await letters.redrive('webhooks')).toMatchObject({ kind: 'redriven', redriven: 1 });
    await vi.waitFor(() => expect(receiver.received).toHaveLength(10));
    expect(await letters.list()).toEqual([empty]);
    expect(await letters.redrive('escalation')).toMatchObject({ kind: 'by_itself' });
    await close();
  });
});

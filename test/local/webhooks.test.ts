/** From a request for more to a customer's own system, on the local server; what fails is tried again. */
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { startWebhooks } from '../../local/webhooks.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { ManualClock } from '../support/worlds.ts';

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
  const open = async (answers: number[]) => {
    receiver = await startReceiver(answers);
    const reported: string[] = [];
    const webhooks = startWebhooks({
      webhooks: parsePolicy({ webhooks: [{ id: 'erp', url: receiver.url }] }).webhooks,
      secrets: new Map([['erp', [SECRET]]]),
      clock: new ManualClock(),
      report: (reason) => reported.push(reason),
    });
    return { webhooks, reported };
  };

  test('is tried again, later each time, under the same id', async () => {
    const { webhooks, reported } = await open([500, 503, 204]);
    webhooks.publish(EVENT);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(3));
    await webhooks.stop();
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([EVENT.detail.id]),
    );
    expect(reported).toEqual([
      'PricesChanged for the webhook erp failed: it answered 500; tried again in 5 s',
      'PricesChanged for the webhook erp failed: it answered 503; tried again in 30 s',
    ]);
  });

  test('is given up after nine attempts', async () => {
    const { webhooks, reported } = await open([500]);
    webhooks.publish(EVENT);
    await vi.waitFor(() => expect(reported).toHaveLength(9), { timeout: 10_000 });
    await webhooks.stop();
    expect(receiver.received).toHaveLength(9);
    expect(reported.at(-1)).toBe('PricesChanged for the webhook erp failed: it answered 500; given up');
  });
});

/** `webhooks/{id}/test` through the admin API: a signed message at a receiver, and what it answered. */
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, it } from 'vitest';
import { createPost } from '../../lambdas/adapters/webhooks/post.ts';
import { systemClock as clock } from '../../lambdas/runtime/clock.ts';
import { createSendTest } from '../../lambdas/webhook/send.ts';
import { adminWorld } from '../support/admin-world.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

let receiver: WebhookReceiver;
afterEach(() => receiver.close());

async function ask(answer: number, webhook = 'chat') {
  receiver = await startReceiver([answer]);
  const url = `${receiver.url}/hook`;
  const testWebhook = createSendTest({
    webhooks: [
      { id: 'chat', url, events: ['GrantRequested'] },
      { id: 'without', url },
    ],
    secrets: async () => new Map([['chat', [SECRET]]]),
    post: createPost({ reach: 'public_and_loopback' }),
    clock,
  });
  return adminWorld([], { testWebhook }).send('POST', `/webhooks/${webhook}/test`);
}

it('posts a signed test, whatever the subscription wants, and tells what was answered', async () => {
  const { status, body } = await ask(204);
  expect(status).toBe(200);
  expect(body).toEqual({
    ...{ delivered: true, status: 204, reason: null },
    ...{ ms: expect.any(Number) as number, webhook_id: expect.stringMatching(/^test_\w+$/) as string },
  });
  const [{ headers, body: sent, path }] = receiver.received as [(typeof receiver.received)[0]];
  expect(path).toBe('/hook');
  expect(headers['webhook-id']).toBe(body['webhook_id']);
  expect(new Webhook(SECRET).verify(sent, headers)).toMatchObject({
    type: 'Test',
    data: { id: body['webhook_id'], version: 1, asked_for_by: 'admin' },
  });
});

it('does not try again what was refused', async () => {
  const { status, body } = await ask(401);
  expect({ status, body }).toMatchObject({ status: 200, body: { delivered: false, status: 401 } });
  expect(receiver.received).toHaveLength(1);
});

it('says why there is no answer', async () => {
  const { body } = await ask(204, 'without');
  expect(body).toMatchObject({ delivered: false, status: null, reason: 'it has no secret to sign with' });
  expect(receiver.received).toEqual([]);
});

it('knows no other webhook', async () => {
  const { status, body } = await ask(204, 'erp');
  expect(status).toBe(404);
  expect(body['detail']).toBe('The policy file has no webhook "erp"; it has: chat, without.');
});

/** Messages of the queue on Lambda: delivered, kept for later, or left to the dead letters. */
import type { SQSEvent } from 'aws-lambda';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPost } from '../../lambdas/adapters/webhooks/post.ts';
import { systemClock as clock } from '../../lambdas/runtime/clock.ts';
import { createHandler } from '../../lambdas/webhook/deliver.ts';
import { createSend } from '../../lambdas/webhook/send.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const DETAIL = { id: 'e'.repeat(64), version: 1, grant: 'grant_x' };
const BODY = { webhook: 'chat', type: 'GrantRequested', time: '2026-11-24T12:00:00Z', detail: DETAIL };

let receiver: WebhookReceiver;
const lines: Record<string, unknown>[] = [];
const delays: [receipt: string, seconds: number][] = [];
const givenUp: [body: string, reason: string][] = [];
beforeEach(() => {
  lines.length = 0;
  delays.length = 0;
  givenUp.length = 0;
});
afterEach(() => receiver.close());

async function open(
  answers: (number | 'hang')[],
  { secrets = new Map([['chat', [SECRET]]]), queue = 'works' } = {},
) {
  receiver = await startReceiver(answers);
  const send = createSend({
    webhooks: [{ id: 'chat', url: `${receiver.url}/hook` }],
    secrets: async () => secrets,
    post: createPost({ reach: 'public_and_loopback' }),
    clock,
  });
  return createHandler({
    open: () => ({
      send,
      delay: async (receipt, seconds) => {
        if (queue === 'fails') throw new Error('the queue is away');
        delays.push([receipt, seconds]);
      },
      giveUp: async (body, reason) => {
        if (queue === 'fails') throw new Error('the queue is away');
        givenUp.push([body, reason]);
      },
    }),
    log: (line) => void lines.push(line),
  });
}

const message = (body: unknown, receiveCount = 1): SQSEvent =>
  ({
    Records: [
      {
        ...{ messageId: 'm-1', receiptHandle: 'r-1' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        attributes: { ApproximateReceiveCount: String(receiveCount) },
      },
    ],
  }) as SQSEvent;
const FAILED = { batchItemFailures: [{ itemIdentifier: 'm-1' }] };
const DONE = { batchItemFailures: [] };

describe('a message', () => {
  it('is signed, posted and done', async () => {
    const handler = await open([204]);
    expect(await handler(message(BODY))).toEqual(DONE);
    const [{ headers, body, path }] = receiver.received as [(typeof receiver.received)[0]];
    expect(path).toBe('/hook');
    expect(new Webhook(SECRET).verify(body, headers)).toEqual({
      ...{ type: 'GrantRequested', timestamp: BODY.time, data: DETAIL },
    });
    expect(headers['webhook-id']).toBe(DETAIL.id);
    expect(lines).toMatchObject([{ kind: 'webhook_delivered', webhook: 'chat', status: 204, attempts: 1 }]);
    expect(JSON.stringify(lines)).not.toContain('grant_x');
  });

  it.each([[301], [400], [410], [429], [500]])('answered %i stays, and comes later', async (status) => {
    const handler = await open([status]);
    expect(await handler(message(BODY, 3))).toEqual(FAILED);
    expect(delays).toEqual([['r-1', 300]]);
    expect(lines).toMatchObject([{ kind: 'webhook_failed', reason: `it answered ${status}`, attempts: 3 }]);
  });

  it('has the same id at its repeat, and a signature of its own', async () => {
    const handler = await open([500, 204]);
    expect(await handler(message(BODY, 1))).toEqual(FAILED);
    expect(await handler(message(BODY, 2))).toEqual(DONE);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([DETAIL.id, DETAIL.id]);
    for (const { body, headers } of receiver.received) new Webhook(SECRET).verify(body, headers);
  });

  it('goes to the dead letters after its last attempt, and says why', async () => {
    const handler = await open([500]);
    expect(await handler(message(BODY, 9))).toEqual(DONE);
    expect(givenUp).toEqual([[JSON.stringify(BODY), 'it answered 500']]);
    expect(delays).toEqual([]);
  });

  it('is left to SQS, which moves it there, where it could not be put there', async () => {
    const handler = await open([500], { queue: 'fails' });
    expect(await handler(message(BODY, 9))).toEqual(FAILED);
    expect(lines.map(({ kind }) => kind)).toEqual(['webhook_failed', 'webhook_not_given_up']);
  });

  it('waits for its secret', async () => {
    const handler = await open([204], { secrets: new Map() });
    expect(await handler(message(BODY))).toEqual(FAILED);
    expect(lines).toMatchObject([{ kind: 'webhook_failed', reason: 'it has no secret to sign with' }]);
    expect(receiver.received).toEqual([]);
  });

  it('comes again, sooner or later, where it could not be put off', async () => {
    const handler = await open([500], { queue: 'fails' });
    expect(await handler(message(BODY))).toEqual(FAILED);
    expect(lines.map(({ kind }) => kind)).toEqual(['webhook_failed', 'webhook_not_delayed']);
  });

  it('for a subscription that is gone is done', async () => {
    const handler = await open([204]);
    expect(await handler(message({ ...BODY, webhook: 'former' }))).toEqual(DONE);
    expect(lines).toMatchObject([{ kind: 'webhook_unsubscribed', webhook: 'former' }]);
  });

  it.each(['no JSON', '{}'])('that says nothing ends with the dead letters: %s', async (body) => {
    const handler = await open([204]);
    expect(await handler(message(body))).toEqual(FAILED);
    expect(lines).toMatchObject([{ kind: 'webhook_failed', messageId: 'm-1' }]);
    expect(await handler(message(body, 9))).toEqual(DONE);
    expect(givenUp).toHaveLength(1);
    expect(receiver.received).toEqual([]);
  });
});

/**
 * A subscriber outside of AWS: what caps and requests for more told the bus, from a queue and a function, signed; and once
 * more from the dead letters.
 */
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { linesOf, type Told } from '../../support/event-lines.ts';
import { startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';
import { ACCOUNT, CREDENTIALS, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same } from './calls.ts';
import { STAGE, type Deployed } from './cdk.ts';
import { functionNamed } from './functions.ts';
import { until } from './people.ts';
import { SUBSCRIBER } from './policy.ts';
import { signedAdmin } from './signed-admin.ts';
import { changeVariables } from './workarounds.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'webhooks-to-loopback.mjs')).href;
/** Three people ask; one is approved, one denied, one gets no answer. */
const EXPECTED = 'GrantApproved,GrantDenied,GrantExpired,GrantRequested,GrantRequested,GrantRequested';

export interface Subscriber {
  /** What was told so far, each once. */
  told(): Told[];
  /** `lines` of the events of this cap. */
  tell(story: Story, expected: { cap: string; lines: readonly string[] }): Promise<void>;
  tellDeadLetter(story: Story): Promise<void>;
  close(): Promise<void>;
}

/** Before anything is told; the first attempt of all fails. */
export async function subscribe(clients: Clients, stacks: Deployed): Promise<Subscriber> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const manager = new SecretsManagerClient({
    ...{ endpoint: clients.endpoint, region: REGION, credentials: CREDENTIALS },
  });
  await manager.send(
    new PutSecretValueCommand({
      SecretId: stacks.webhookSecretArn,
      SecretString: JSON.stringify({ [SUBSCRIBER.id]: secret }),
    }),
  );
  manager.destroy();
  const receiver = await startReceiver([503, 204]);
  await changeVariables(
    clients,
    await functionNamed(clients, 'WebhooksFunction'),
    ({ NODE_OPTIONS = '', ...others }) => ({
      ...others,
      NODE_OPTIONS: `${NODE_OPTIONS} --import=${PRELOAD}`.trim(),
      WEBHOOK_RECEIVER: receiver.url,
    }),
  );
  const told = (): Told[] => [...messagesOf(receiver, secret).values()];
  return {
    told,
    tell: (story, expected) => tellWebhooks(story, receiver, { told, ...expected }),
    tellDeadLetter: (story) => tellDeadLetter(story, receiver, { clients, stacks }),
    close: () => receiver.close(),
  };
}

/** By their ids. */
const messagesOf = ({ received }: WebhookReceiver, secret: string): Map<string, Told> =>
  new Map(
    received.map(({ body, headers }) => {
      const message = new Webhook(secret).verify(body, headers) as Told;
      same(message.data.id, headers['webhook-id']);
      return [message.data.id, message] as const;
    }),
  );

async function tellWebhooks(
  story: Story,
  { received }: WebhookReceiver,
  { told, cap, lines }: { told: () => Told[]; cap: string; lines: readonly string[] },
): Promise<void> {
  story.step('Who subscribed by webhook has heard of it');
  await story.check('of whoever climbed the ladder: each rung, stage and decision, once', () =>
    until(lines.join(', '), async () => linesOf(told(), cap).join(', ')),
  );
  await story.check(
    'each request and decision arrived at its address, signed, under its own id',
    async () => {
      await until(EXPECTED, async () =>
        told()
          .map(({ type }) => type)
          .filter((type) => type.startsWith('Grant'))
          .sort()
          .join(),
      );
      for (const { path, headers } of received)
        same(`https://${headers['x-sent-to']}${path}`, SUBSCRIBER.url);
      return `${received.length} posts of ${told().length} events`;
    },
  );
  await story.check('the one that was answered 503 came again, as the same message', async () => {
    const first = received[0]!.headers['webhook-id'];
    same(received.filter(({ headers }) => headers['webhook-id'] === first).length > 1, true);
    return first;
  });
}

/** As the function puts one there after nine attempts, which take a day. */
async function tellDeadLetter(
  story: Story,
  { received }: WebhookReceiver,
  { clients, stacks }: { clients: Clients; stacks: Deployed },
): Promise<void> {
  const { endpoint, lambda, sqs } = clients;
  const admin = signedAdmin(`${endpoint}/_aws/execute-api/${stacks.apiId}/${STAGE}`);
  const reason = 'it answered 401';
  await story.check('a message that was given up is listed with what it was answered', async () => {
    const { Environment } = await lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: await functionNamed(clients, 'WebhooksFunction') }),
    );
    const queue = Environment!.Variables!['DEAD_LETTERS_URL']!.split('/').at(-1);
    const { type, timestamp: time, data: detail } = JSON.parse(received[0]!.body) as Record<string, unknown>;
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: `${endpoint}/${ACCOUNT}/${queue}`,
        MessageBody: JSON.stringify({ webhook: SUBSCRIBER.id, type, time, detail }),
        MessageAttributes: { reason: { DataType: 'String', StringValue: reason } },
      }),
    );
    const { items } = await admin.ask<{ items: { queue: string; messages: number; reasons: object[] }[] }>(
      'GET',
      '/dead-letters',
    );
    const webhooks = items.find((item) => item.queue === 'webhooks');
    same(
      JSON.stringify([webhooks?.messages, webhooks?.reasons]),
      JSON.stringify([1, [{ reason, messages: 1 }]]),
    );
    return `${items.length} queues`;
  });
  await story.check('worked again, it arrives under the id that it had, and the queue is empty', async () => {
    const id = received[0]!.headers['webhook-id'];
    const arrived = (): number => received.filter(({ headers }) => headers['webhook-id'] === id).length;
    const before = arrived();
    const answer = await admin.ask<object>('POST', '/dead-letters/webhooks/redrive', {});
    same(JSON.stringify(answer), '{"redriven":1,"kept":0,"reasons":[],"next_cursor":null}');
    await until(String(before + 1), async () => String(arrived()));
    const again = await admin.ask<{ redriven: number }>('POST', '/dead-letters/webhooks/redrive', {});
    same(String(again.redriven), '0');
    return id;
  });
}

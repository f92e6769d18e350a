/** A subscriber outside of AWS: what the requests for more told the bus, from a queue and a function, signed. */
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';
import { CREDENTIALS, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same } from './calls.ts';
import type { Deployed } from './cdk.ts';
import { functionNamed } from './functions.ts';
import { SUBSCRIBER } from './policy.ts';
import { changeVariables } from './workarounds.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'webhooks-to-loopback.mjs')).href;
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 500;
/** Three people ask; one is approved, one denied, one gets no answer. */
const EXPECTED = 'GrantApproved,GrantDenied,GrantExpired,GrantRequested,GrantRequested,GrantRequested';

export interface Subscriber {
  tell(story: Story): Promise<void>;
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
  return { tell: (story) => tellWebhooks(story, receiver, secret), close: () => receiver.close() };
}

async function tellWebhooks(story: Story, { received }: WebhookReceiver, secret: string): Promise<void> {
  story.step('Who subscribed by webhook has heard of it');
  interface Message {
    type: string;
    data: { id: string };
  }
  const messages = () =>
    new Map(
      received.map(({ body, headers }) => {
        const message = new Webhook(secret).verify(body, headers) as Message;
        same(message.data.id, headers['webhook-id']);
        return [message.data.id, message.type] as const;
      }),
    );
  const typesOf = (): string => [...messages().values()].sort().join();
  await story.check('each event arrived at its address, signed, under its own id', async () => {
    const started = performance.now();
    while (typesOf() !== EXPECTED && performance.now() - started < PATIENCE_MS) await sleep(LOOK_EVERY_MS);
    same(typesOf(), EXPECTED);
    for (const { path, headers } of received) same(`https://${headers['x-sent-to']}${path}`, SUBSCRIBER.url);
    return `${received.length} posts of ${messages().size} events`;
  });
  await story.check('the one that was answered 503 came again, as the same message', async () => {
    const first = received[0]!.headers['webhook-id'];
    same(received.filter(({ headers }) => headers['webhook-id'] === first).length > 1, true);
    return first;
  });
}

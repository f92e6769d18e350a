/** One attempt: the event is signed at this instant, and posted once. On AWS and locally the same. */
import type { Post, PostOutcome } from '../adapters/webhooks/post.ts';
import { bodyOf, testOf, type Delivery } from '../core/webhooks/delivery.ts';
import { signatureOf } from '../core/webhooks/signature.ts';
import type { Webhook } from '../core/webhooks/webhook.ts';
import type { Clock } from '../core/ports.ts';

export type SendOutcome =
  | { kind: 'delivered'; status: number }
  /** Nobody subscribes by that name any more. */
  | { kind: 'unsubscribed' }
  /** Worth another attempt, whatever it was: who receives may be mended meanwhile. */
  | { kind: 'failed'; reason: string };

export interface SendDeps {
  webhooks: readonly Webhook[];
  /** By subscription. Throws where they cannot be had. */
  secrets: () => Promise<ReadonlyMap<string, readonly string[]>>;
  post: Post;
  clock: Clock;
}

export type Send = (delivery: Delivery) => Promise<SendOutcome>;

/** Never rejects. */
export function createSend(deps: SendDeps): Send {
  return async (delivery) => {
    const webhook = deps.webhooks.find(({ id }) => id === delivery.webhook);
    if (!webhook) return { kind: 'unsubscribed' };
    const answer = await postSigned(deps, webhook, { id: delivery.detail.id, body: bodyOf(delivery) });
    if (answer.kind === 'failed') return answer;
    const { status } = answer;
    return isTaken(status)
      ? { kind: 'delivered', status }
      : { kind: 'failed', reason: `it answered ${status}` };
  };
}

export type TestOutcome =
  | { kind: 'no_webhook'; known: string[] }
  /** `status` is null where there was no answer; `reason` then says why. */
  | { kind: 'tested'; delivered: boolean; status: number | null; ms: number; reason: string | null };

/** A message that says that nothing has happened, once: it is not tried again. */
export type SendTest = (webhook: string, test: { id: string; by: string }) => Promise<TestOutcome>;

/** Never rejects. */
export function createSendTest(deps: SendDeps): SendTest {
  return async (name, { id, by }) => {
    const webhook = deps.webhooks.find((one) => one.id === name);
    if (!webhook) return { kind: 'no_webhook', known: deps.webhooks.map((one) => one.id) };
    const begun = deps.clock.now();
    const answer = await postSigned(deps, webhook, { id, body: testOf({ id, by, at: begun }) });
    const ms = deps.clock.now() - begun;
    if (answer.kind === 'failed')
      return { kind: 'tested', delivered: false, status: null, ms, reason: answer.reason };
    const { status } = answer;
    return { kind: 'tested', delivered: isTaken(status), status, ms, reason: null };
  };
}

const isTaken = (status: number): boolean => status >= 200 && status < 300;

async function postSigned(
  { secrets, post, clock }: SendDeps,
  webhook: Webhook,
  { id, body }: { id: string; body: string },
): Promise<PostOutcome> {
  let own: readonly string[] | undefined;
  try {
    own = (await secrets()).get(webhook.id);
  } catch (error) {
    return { kind: 'failed', reason: (error as Error).message };
  }
  if (!own) return { kind: 'failed', reason: 'it has no secret to sign with' };
  const timestampSeconds = Math.floor(clock.now() / 1000);
  return post(webhook.url, {
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': await signatureOf(own, { id, timestampSeconds, body }),
    },
    body,
  });
}

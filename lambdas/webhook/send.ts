/** One attempt: the event is signed at this instant, and posted once. On AWS and locally the same. */
import { bodyOf, type Delivery } from '../core/webhooks/delivery.ts';
import { signatureOf } from '../core/webhooks/signature.ts';
import type { Webhook } from '../core/webhooks/webhook.ts';
import type { Clock } from '../core/ports.ts';
import type { Post } from '../adapters/webhooks/post.ts';

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
export function createSend({ webhooks, secrets, post, clock }: SendDeps): Send {
  return async (delivery) => {
    const webhook = webhooks.find(({ id }) => id === delivery.webhook);
    if (!webhook) return { kind: 'unsubscribed' };
    let own: readonly string[] | undefined;
    try {
      own = (await secrets()).get(webhook.id);
    } catch (error) {
      return { kind: 'failed', reason: (error as Error).message };
    }
    if (!own) return { kind: 'failed', reason: 'it has no secret to sign with' };
    const { id } = delivery.detail;
    const timestampSeconds = Math.floor(clock.now() / 1000);
    const body = bodyOf(delivery);
    const answer = await post(webhook.url, {
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(timestampSeconds),
        'webhook-signature': await signatureOf(own, { id, timestampSeconds, body }),
      },
      body,
    });
    if (answer.kind === 'failed') return answer;
    const { status } = answer;
    if (status >= 200 && status < 300) return { kind: 'delivered', status };
    return { kind: 'failed', reason: `it answered ${status}` };
  };
}

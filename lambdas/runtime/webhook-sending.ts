/** What a function needs that posts to webhooks: their secrets, and the way out to public addresses. */
import { createPost } from '../adapters/webhooks/post.ts';
import type { Webhook } from '../core/webhooks/webhook.ts';
import { parseWebhookSecrets } from '../core/webhooks/signature.ts';
import type { SendDeps } from '../webhook/send.ts';
import { CachedSecret } from './cached-secret.ts';
import { systemClock as clock } from './clock.ts';
import { secretReader } from './secret-reader.ts';

export function openSending(webhooks: readonly Webhook[], secretArn: string): SendDeps {
  const secret = new CachedSecret({ clock, parse: parseWebhookSecrets, read: secretReader(secretArn) });
  return { webhooks, secrets: () => secret.current(), post: createPost({ reach: 'public' }), clock };
}

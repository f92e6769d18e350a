/** Nobody has subscribed. */
import type { SendTest } from '../../lambdas/webhook/send.ts';

export const noWebhooks: SendTest = async () => ({ kind: 'no_webhook', known: [] });

/**
 * Webhooks of this machine: the same events to the same subscriptions, signed and tried again as on AWS. Leaves out the
 * queue: what waits for another attempt is in memory, and gone with the process; there are no dead letters.
 */
import pLimit from 'p-limit';
import { createPost } from '../lambdas/adapters/webhooks/post.ts';
import type { BusEvent } from '../lambdas/core/events/catalogue.ts';
import type { Clock, Timer } from '../lambdas/core/ports.ts';
import { toRfc3339 } from '../lambdas/core/time.ts';
import { pauseAfter, type Delivery } from '../lambdas/core/webhooks/delivery.ts';
import { wants, type Webhook } from '../lambdas/core/webhooks/webhook.ts';
import { createSend, createSendTest, type SendOutcome, type SendTest } from '../lambdas/webhook/send.ts';

export interface WebhooksDeps {
  webhooks: readonly Webhook[];
  secrets: ReadonlyMap<string, readonly string[]>;
  clock: Clock;
  report: (reason: string) => void;
}

export interface Webhooks {
  /** Takes it, and sends it later. */
  publish(event: BusEvent): void;
  /** Ends what is under way; what waits is gone. */
  stop(): Promise<void>;
  test: SendTest;
}

const AT_ONCE = 10;
/** A receiver that is away for good takes no more memory than this. */
const WAITING_MAX = 1000;

export function startWebhooks({ webhooks: all, secrets, clock, report }: WebhooksDeps): Webhooks {
  const webhooks = all.filter(({ id }) => secrets.has(id));
  for (const { id } of all.filter((one) => !webhooks.includes(one)))
    report(`Nothing is posted to the webhook ${id}: SPENDCAP_WEBHOOK_SECRETS has no secret for it`);
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  const sending = {
    ...{ webhooks: all, clock },
    secrets: async () => secrets,
    post: createPost({ reach: 'public_and_loopback', stop: stopping.signal }),
  };
  const send = createSend(sending);
  const limit = pLimit(AT_ONCE);
  const pauses = new Set<Timer>();
  const open = new Set<Promise<void>>();

  const deliver = async (delivery: Delivery): Promise<void> => {
    for (let attempts = 1; ; attempts += 1) {
      const outcome: SendOutcome = await limit(() => send(delivery));
      if (outcome.kind !== 'failed' || isStopping()) return;
      const pause = pauseAfter(attempts);
      const about = `${delivery.type} for the webhook ${delivery.webhook} failed: ${outcome.reason}`;
      report(pause === undefined ? `${about}; given up` : `${about}; tried again in ${pause / 1000} s`);
      if (pause === undefined) return;
      const timer = clock.timer(pause);
      pauses.add(timer);
      await timer.ended;
      pauses.delete(timer);
      if (isStopping()) return;
    }
  };
  return {
    test: createSendTest(sending),
    publish: ({ type, detail }) => {
      const time = toRfc3339(clock.now());
      for (const webhook of webhooks.filter((one) => wants(one, type))) {
        if (open.size >= WAITING_MAX) {
          report(`${type} for the webhook ${webhook.id} is dropped: ${WAITING_MAX} others wait`);
          continue;
        }
        const sent = deliver({ webhook: webhook.id, type, time, detail }).finally(() => open.delete(sent));
        open.add(sent);
      }
    },
    stop: async () => {
      stopping.abort();
      for (const pause of pauses) pause.stop();
      await Promise.all(open);
    },
  };
}

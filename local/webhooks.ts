/**
 * Webhooks of this machine: the same events to the same subscriptions, signed and tried again as on AWS. What waits for
 * another attempt, and what was given up, is with the books: on disk where they are, in memory otherwise.
 */
import pLimit from 'p-limit';
import { createPost } from '../lambdas/adapters/webhooks/post.ts';
import { durationMs, epochMs, type DurationMs } from '../lambdas/core/brands.ts';
import type { BusEvent } from '../lambdas/core/events/catalogue.ts';
import type { Clock, Table, Timer } from '../lambdas/core/ports.ts';
import { plus, toRfc3339 } from '../lambdas/core/time.ts';
import { pauseAfter } from '../lambdas/core/webhooks/delivery.ts';
import { wants, type Webhook } from '../lambdas/core/webhooks/webhook.ts';
import { createSend, createSendTest, type SendTest } from '../lambdas/webhook/send.ts';
import type { GivenUp } from './dead-letters.ts';
import { KeptDeliveries, nameOf, type WaitingDelivery } from './kept-deliveries.ts';

export interface WebhooksDeps {
  webhooks: readonly Webhook[];
  secrets: ReadonlyMap<string, readonly string[]>;
  table: Table;
  clock: Clock;
  report: (reason: string) => void;
}

export interface Webhooks {
  /** Resolves once it is kept; it is sent later. Throws TableUnavailable. */
  publish(event: BusEvent): Promise<void>;
  /** Ends what is under way; what waits goes on at the next start. */
  stop(): Promise<void>;
  test: SendTest;
  givenUp: GivenUp;
}

const AT_ONCE = 10;
/** A receiver that is away for good takes no more room than this. */
const WAITING_MAX = 1000;

/** Goes on with what an earlier process left. */
export function startWebhooks({ webhooks: all, secrets, table, clock, report }: WebhooksDeps): Webhooks {
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
  const kept = new KeptDeliveries(table);
  const limit = pLimit(AT_ONCE);
  const pauses = new Set<Timer>();
  /** Under way or waiting, by name. */
  const open = new Map<string, Promise<void>>();

  const pause = async (duration: DurationMs): Promise<void> => {
    if (duration <= 0 || isStopping()) return;
    const timer = clock.timer(duration);
    pauses.add(timer);
    await timer.ended;
    pauses.delete(timer);
  };

  const deliver = async ({ delivery, attempts: before, dueAt }: WaitingDelivery): Promise<void> => {
    await pause(durationMs(dueAt - clock.now()));
    for (let attempts = before + 1; !isStopping(); attempts += 1) {
      const outcome = await limit(() => send(delivery));
      if (outcome.kind !== 'failed') return kept.done(delivery);
      // What was cut off is no attempt.
      if (isStopping()) return;
      const { reason } = outcome;
      const wait = pauseAfter(attempts);
      const about = `${delivery.type} for the webhook ${delivery.webhook} failed: ${reason}`;
      if (wait === undefined) {
        await kept.giveUp({ delivery, reason, givenUpAt: clock.now() });
        report(`${about}; given up`);
        return;
      }
      await kept.change({ delivery, attempts, dueAt: plus(clock.now(), wait) });
      report(`${about}; tried again in ${wait / 1000} s`);
      await pause(wait);
    }
  };
  const begin = (waiting: WaitingDelivery): void => {
    const name = nameOf(waiting.delivery);
    if (open.has(name)) return;
    const sent = deliver(waiting)
      .catch((error: unknown) => report(String(error)))
      .finally(() => open.delete(name));
    open.set(name, sent);
  };
  const resumed = (async () => {
    for (const waiting of await kept.waiting()) begin(waiting);
  })().catch((error: unknown) => report(String(error)));

  return {
    publish: async ({ type, detail }) => {
      const at = clock.now();
      for (const webhook of webhooks.filter((one) => wants(one, type))) {
        if (open.size >= WAITING_MAX) {
          report(`${type} for the webhook ${webhook.id} is dropped: ${WAITING_MAX} others wait`);
          continue;
        }
        const delivery = { webhook: webhook.id, type, time: toRfc3339(at), detail };
        const waiting = { delivery, attempts: 0, dueAt: epochMs(at) };
        if (await kept.add(waiting)) begin(waiting);
      }
    },
    stop: async () => {
      stopping.abort();
      await resumed;
      for (const timer of pauses) timer.stop();
      await Promise.all(open.values());
    },
    test: createSendTest(sending),
    givenUp: {
      list: () => kept.dead(),
      retry: async () => {
        const dead = await kept.dead();
        for (const one of dead) begin(await kept.revive(one, clock.now()));
        return dead.length;
      },
    },
  };
}

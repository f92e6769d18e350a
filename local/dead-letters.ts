/**
 * The dead letters of this machine. One process does all work and reads its books again at each start, so nothing lies in a
 * queue but what webhooks were given up.
 */
import { epochMs } from '../lambdas/core/brands.ts';
import { countReasons, type DeadLetters } from '../lambdas/core/dead-letters/dead-letters.ts';
import type { DeadDelivery } from './kept-deliveries.ts';

const WHY =
  'Nothing can lie there on this machine: one process does all the work, and reads its books again at each start.';

/** What webhooks gave up, and a way to try all of it again. */
export interface GivenUp {
  list(): Promise<DeadDelivery[]>;
  retry(): Promise<number>;
}

export const localDeadLetters = (webhooks: GivenUp): DeadLetters => ({
  list: async () => {
    const dead = await webhooks.list();
    const oldest = Math.min(...dead.map(({ givenUpAt }) => givenUpAt));
    return [
      {
        ...{ queue: 'webhooks', messages: dead.length },
        oldest: dead.length === 0 ? undefined : epochMs(oldest),
        reasons: countReasons(dead.map(({ reason }) => reason)),
      },
    ];
  },
  redrive: async (queue) =>
    queue === 'webhooks'
      ? { kind: 'redriven', redriven: await webhooks.retry(), kept: 0, reasons: [], cursor: undefined }
      : { kind: 'by_itself', reason: WHY },
});

/** There are no queues. */
import type { DeadLetters } from '../../lambdas/core/dead-letters/dead-letters.ts';

export const noDeadLetters: DeadLetters = {
  list: async () => [],
  redrive: async (queue) => ({ kind: 'no_queue', reason: `There is no queue ${queue} here.` }),
};

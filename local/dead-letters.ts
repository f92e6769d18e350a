/** The dead letters of this machine: there are no queues, so there are none. */
import type { DeadLetters } from '../lambdas/core/dead-letters/dead-letters.ts';

const WHY =
  'Nothing can lie in a queue on this machine: all work is done in one process, which reads its books again at each start.';

export const noDeadLetters: DeadLetters = {
  list: async () => [],
  redrive: async () => ({ kind: 'by_itself', reason: WHY }),
};

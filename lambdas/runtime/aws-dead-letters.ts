/** The dead letters of this deployment, over its queues, its table and its bus. */
import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { LetterQueue } from '../adapters/sqs/letter-queue.ts';
import { createChangeFeed } from '../change-feed/change-feed.ts';
import { DEAD_LETTER_QUEUES, type DeadLetters } from '../core/dead-letters/dead-letters.ts';
import { AccountCaps } from '../core/escalation/account-caps.ts';
import { ladderOf, type Policy } from '../core/policy/policy.ts';
import { Periods } from '../core/rollups/periods.ts';
import type { Books } from './aws-books.ts';
import { openEventBus } from './aws-news.ts';
import { standardOutput } from './log.ts';
import { QueuedDeadLetters } from './queued-dead-letters.ts';

const url = z.url();
/** Address by queue; that of webhooks and of what they wait in only where somebody has subscribed. */
const queuesSchema = z.strictObject({
  dead: z.partialRecord(z.enum(DEAD_LETTER_QUEUES), url),
  deliveries: url.optional(),
});

export const deadLettersEnvironment = {
  DEAD_LETTERS: z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.issues.push({ code: 'custom', message: 'must be JSON', input: text });
        return z.NEVER;
      }
    })
    .pipe(queuesSchema),
};

export function openDeadLetters(
  books: Books,
  policy: Policy,
  { DEAD_LETTERS, EVENT_BUS_NAME }: { DEAD_LETTERS: z.output<typeof queuesSchema>; EVENT_BUS_NAME: string },
): DeadLetters {
  const sqs = new SQSClient(timeLimits(BACKGROUND_SILENCE_MS_MAX));
  const { dead, deliveries } = DEAD_LETTERS;
  const bus = openEventBus(EVENT_BUS_NAME);
  const { table, directory, clock } = books;
  return new QueuedDeadLetters({
    ...{ table, directory, clock, bus, webhooks: policy.webhooks, periods: new Periods(books) },
    queues: new Map(
      DEAD_LETTER_QUEUES.flatMap((name) =>
        dead[name] === undefined ? [] : [[name, new LetterQueue(sqs, dead[name])] as const],
      ),
    ),
    deliveries: deliveries === undefined ? undefined : new LetterQueue(sqs, deliveries),
    feed: createChangeFeed({
      ...{ bus, clock, caps: new AccountCaps({ directory, clock }) },
      ladderOf: (name) => ladderOf(policy, name),
      report: (failure) => standardOutput({ kind: 'record_failed', ...failure }),
    }),
  });
}

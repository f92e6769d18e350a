/** What could not be processed and waits for a person: what it is, and to have it worked again. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { DEAD_LETTER_QUEUES, type DeadLetterView } from '../core/dead-letters/dead-letters.ts';
import { toRfc3339 } from '../core/time.ts';
import { Problem } from './problems.ts';
import {
  adminRoute,
  jsonAnswer,
  jsonBody,
  newApp,
  noQuery,
  notFound,
  pageOf,
  unprocessable,
  type AdminDeps,
} from './routes.ts';

const queueName = z.enum(DEAD_LETTER_QUEUES);

const queueSchema = z.strictObject({
  queue: queueName,
  /** About so many. */
  messages: z.int(),
  /** Of those that were looked at, some dozens. */
  oldest_at: z.string().nullable(),
  reasons: z.array(z.strictObject({ reason: z.string(), messages: z.int() })),
});

const listQueues = adminRoute({
  method: 'get',
  path: '/dead-letters',
  request: { query: noQuery },
  responses: { 200: jsonAnswer(pageOf(queueSchema), 'Every queue, empty ones too') },
});

const postRedrive = adminRoute({
  method: 'post',
  path: '/dead-letters/{queue}/redrive',
  request: {
    params: z.strictObject({ queue: queueName }),
    query: noQuery,
    /** `next_cursor` of the answer before. */
    body: jsonBody(z.strictObject({ cursor: z.string().min(1).max(2000).optional() })),
  },
  responses: {
    200: jsonAnswer(
      z.strictObject({
        /** So many were worked again and have left the queue. */
        redriven: z.int(),
        /** So many stay, for the reasons. */
        kept: z.int(),
        reasons: z.array(z.string()),
        /** Null once nothing is left to do. */
        next_cursor: z.string().nullable(),
      }),
      'What was done in some seconds',
    ),
    404: notFound,
    422: unprocessable('Nothing in it has to be worked again'),
  },
});

export function deadLetterRoutes({ deadLetters }: AdminDeps): OpenAPIHono {
  const app = newApp();

  app.openapi(listQueues, async (c) =>
    c.json({ items: (await deadLetters.list()).map(viewOf), next_cursor: null }, 200),
  );

  app.openapi(postRedrive, async (c) => {
    const outcome = await deadLetters.redrive(c.req.valid('param').queue, c.req.valid('json').cursor);
    switch (outcome.kind) {
      case 'redriven': {
        const { redriven, kept, reasons, cursor } = outcome;
        return c.json({ redriven, kept, reasons, next_cursor: cursor ?? null }, 200);
      }
      case 'no_queue':
        throw new Problem('not_found', outcome.reason);
      case 'by_itself':
        throw new Problem('not_redriven', outcome.reason);
      case 'cursor_unknown':
        throw new Problem('invalid_request', 'cursor: give the next_cursor of the answer before, unchanged');
    }
  });
  return app;
}

const viewOf = ({ queue, messages, oldest, reasons }: DeadLetterView): z.infer<typeof queueSchema> => ({
  ...{ queue, messages, reasons },
  oldest_at: oldest === undefined ? null : toRfc3339(oldest),
});

/** The change feed, for whoever repairs it. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import pLimit from 'p-limit';
import { HOUR, plus } from '../core/time.ts';
import { hourOf } from '../core/rollups/plan.ts';
import { Periods } from '../core/rollups/periods.ts';
import type { EpochMs } from '../core/brands.ts';
import { adminRoute, jsonAnswer, jsonBody, newApp, noQuery, type AdminDeps } from './routes.ts';
import { spanOf } from './span.ts';

const REDRIVE_DAYS_MAX = 31;
const WRITES_AT_A_TIME = 16;

const postRedrive = adminRoute({
  method: 'post',
  path: '/feed/redrive',
  request: {
    query: noQuery,
    body: jsonBody(
      z.strictObject({
        /** Inclusive. */
        from: z.string(),
        /** Exclusive; now if left out. */
        to: z.string().optional(),
      }),
    ),
  },
  responses: {
    202: jsonAnswer(
      z.strictObject({ hours: z.int() }),
      'So many hours are opened: their rows are made anew from their charges within minutes',
    ),
  },
});

export function feedRoutes({ table, clock, ids }: AdminDeps): OpenAPIHono {
  const app = newApp();
  const periods = new Periods({ table, clock, ids });

  app.openapi(postRedrive, async (c) => {
    const { from, to } = spanOf(c.req.valid('json'), clock.now(), REDRIVE_DAYS_MAX);
    const hours: EpochMs[] = [];
    for (let hour = hourOf(from); hour < to; hour = plus(hour, HOUR)) hours.push(hour);
    const atATime = pLimit(WRITES_AT_A_TIME);
    await Promise.all(hours.map((hour) => atATime(() => periods.openHour(hour))));
    return c.json({ hours: hours.length }, 202);
  });
  return app;
}

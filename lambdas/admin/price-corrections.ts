/** Re-rating: what was charged in a span of time, against the prices that are known now to have held then. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { nameSchema } from '../core/caps/cap-definition.ts';
import { isUsageCursor } from '../core/ledger/usage.ts';
import { formatUsd } from '../core/money.ts';
import { picoUsd } from '../core/brands.ts';
import { reratePage, type ModelDifference } from '../core/rerating/rerate.ts';
import { Problem } from './problems.ts';
import { adminRoute, jsonAnswer, jsonBody, newApp, noQuery, type AdminDeps } from './routes.ts';
import { spanOf } from './span.ts';

const rerateSchema = z.strictObject({
  /** Inclusive. */
  from: z.string(),
  /** Exclusive. */
  to: z.string(),
  user: nameSchema.optional(),
  /** Only what was charged by a card of this model. */
  model: z.string().min(1).max(200).optional(),
  /** False: it is only shown what would be. */
  write: z.boolean(),
  cursor: z.string().min(1).max(2000).optional(),
});

const differenceSchema = z.strictObject({
  model: z.string(),
  calls: z.int(),
  /** Calls whose charge is another one by the prices of now. */
  changed: z.int(),
  /** With all corrections of before. */
  charged_usd: z.string(),
  correct_usd: z.string(),
  difference_usd: z.string(),
});

const postRerate = adminRoute({
  method: 'post',
  path: '/prices/rerate',
  request: { query: noQuery, body: jsonBody(rerateSchema) },
  responses: {
    200: jsonAnswer(
      z.strictObject({
        models: z.array(differenceSchema),
        /** Calls that were not priced by a usage block, or cannot be priced any more. */
        not_rated: z.array(z.strictObject({ reason: z.string(), calls: z.int() })),
        next_cursor: z.string().nullable(),
      }),
      'The differences of some hundred calls by model; go on with next_cursor, and add them up',
    ),
  },
});

/** Each correction is a read or two and a transaction: all of them are within the time that an answer has. */
const CALLS_A_PAGE = 200;

export function priceCorrectionRoutes(deps: AdminDeps): OpenAPIHono {
  const app = newApp();
  app.openapi(postRerate, async (c) => {
    const { user, model, write, cursor, ...given } = c.req.valid('json');
    if (cursor !== undefined && !isUsageCursor(cursor))
      throw new Problem('invalid_request', 'cursor: give the next_cursor of the page before, unchanged');
    const book = await deps.office.prices.current();
    const page = await reratePage(deps, book, {
      ...spanOf(given, deps.clock.now()),
      user,
      model,
      isToBeWritten: write,
      limit: CALLS_A_PAGE,
      cursor,
    });
    return c.json(
      {
        models: page.models.map(differenceView),
        not_rated: Object.entries(page.notRated).map(([reason, calls]) => ({ reason, calls })),
        next_cursor: page.cursor ?? null,
      },
      200,
    );
  });
  return app;
}

function differenceView(difference: ModelDifference): z.infer<typeof differenceSchema> {
  const { model, calls, changed, chargedPicoUsd, correctPicoUsd } = difference;
  return {
    model,
    calls,
    changed,
    charged_usd: formatUsd(chargedPicoUsd),
    correct_usd: formatUsd(correctPicoUsd),
    difference_usd: formatUsd(picoUsd(correctPicoUsd - chargedPicoUsd)),
  };
}

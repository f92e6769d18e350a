/** Reports of what was spent: sums over charges by whom and what for, and the days on which it was unusual. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { AnomalyNotes } from '../core/anomalies/anomaly-notes.ts';
import { nameSchema } from '../core/caps/cap-definition.ts';
import { anomalyDetectedSchema } from '../core/events/anomaly-detected.ts';
import { Periods } from '../core/rollups/periods.ts';
import {
  DIMENSIONS,
  lineView,
  spendReport,
  tallyView,
  type Grouping,
  type SpendQuery,
} from '../core/rollups/spend-report.ts';
import { dayAt, toRfc3339 } from '../core/time.ts';
import { Problem } from './problems.ts';
import { adminRoute, jsonAnswer, listPage, newApp, pageOf, pageQuery, type AdminDeps } from './routes.ts';
import { SPAN_DAYS_MAX, spanOf } from './span.ts';

/** By the hour: a month's hours of every user are as many rows as a year's days. */
const HOURLY_DAYS_MAX = 31;
/** Of hours that have no rows yet; so many are read in some seconds. */
const CHARGES_MAX = 50_000;
const TAG = /^tag:[a-z0-9._-]{1,40}$/;

const spendQuery = pageQuery.extend({
  cursor: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/, 'give the next_cursor of the page before, unchanged')
    .optional(),
  /** Inclusive; 31 days before `to` if left out. */
  from: z.string().optional(),
  /** Exclusive; now if left out. */
  to: z.string().optional(),
  /** `user`, `team`, `app`, `feature`, `model`, `tag:<name>`, or several with commas between. */
  group_by: z.string().max(200).optional(),
  /** A line an hour (UTC) or a day (of the organisation's time zone); without it one for the whole span. */
  granularity: z.enum(['hour', 'day']).optional(),
  user: nameSchema.optional(),
  team: nameSchema.optional(),
  app: nameSchema.optional(),
  feature: nameSchema.optional(),
  model: z.string().min(1).max(256).optional(),
  /** `env:prod`: calls with this tag of that value. */
  tag: z
    .string()
    .regex(/^[a-z0-9._-]{1,40}:.{0,100}$/, 'write name:value, as in env:prod')
    .optional(),
});

const counts = z.record(z.string(), z.int());
const tallyShape = {
  cost_usd: z.string(),
  /** Calls that were admitted, however they ended; refused ones are in no charge. */
  requests: z.int(),
  /** By outcome; `adjusted` ones are corrections and no requests. */
  outcomes: counts,
  /** As billed, by kind. What was presumed spent has none. */
  tokens: counts,
  reserved_usd: z.string(),
};
const spendSchema = z.strictObject({
  items: z.array(
    z.strictObject({
      start: z.string(),
      end: z.string(),
      user: z.string().nullable().optional(),
      team: z.string().optional(),
      app: z.string().optional(),
      feature: z.string().optional(),
      model: z.string().optional(),
      tags: z.record(z.string(), z.string().nullable()).optional(),
      ...tallyShape,
    }),
  ),
  next_cursor: z.string().nullable(),
  /** Of all pages. */
  total: z.strictObject(tallyShape),
  from: z.string(),
  to: z.string(),
  /** Whose days they are. */
  time_zone: z.string(),
  /** Everything before is in it: `to`, but where the newest hours have more charges than one answer can read. */
  as_of: z.string(),
});

const getSpend = adminRoute({
  method: 'get',
  path: '/reports/spend',
  request: { query: spendQuery },
  responses: {
    200: jsonAnswer(spendSchema, 'What was spent, the dearest first; the sum is that of `usage`'),
  },
});

const listAnomalies = adminRoute({
  method: 'get',
  path: '/reports/anomalies',
  request: {
    query: pageQuery.extend({
      /** Inclusive, as the day in which it lies; 31 days before `to` if left out. */
      from: z.string().optional(),
      /** Exclusive; now if left out. */
      to: z.string().optional(),
    }),
  },
  responses: {
    200: jsonAnswer(
      pageOf(anomalyDetectedSchema),
      'Unusual days as `AnomalyDetected` tells of them, the newest day first; kept for 400 days',
    ),
  },
});

export function reportRoutes({ table, clock, ids, org: { timeZone } }: AdminDeps): OpenAPIHono {
  const app = newApp();
  const anomalies = new AnomalyNotes(table);
  const reader = { table, clock, periods: new Periods({ table, clock, ids }), zone: timeZone };

  app.openapi(getSpend, async (c) => {
    const { limit, cursor, from, to, group_by, granularity, ...filters } = c.req.valid('query');
    const daysMax = granularity === 'hour' ? HOURLY_DAYS_MAX : SPAN_DAYS_MAX;
    const span = spanOf({ from, to }, clock.now(), daysMax);
    const { lines, total, asOf } = await spendReport(reader, {
      ...span,
      groupBy: groupingsOf(group_by),
      filter: filterOf(filters),
      granularity: granularity ?? 'all',
      chargesMax: CHARGES_MAX,
    });
    const first = Number(cursor ?? 0);
    const next = first + limit;
    return c.json(
      {
        items: lines.slice(first, next).map(lineView) as z.infer<typeof spendSchema>['items'],
        next_cursor: next < lines.length ? String(next) : null,
        total: tallyView(total),
        from: toRfc3339(span.from),
        to: toRfc3339(span.to),
        time_zone: timeZone,
        as_of: toRfc3339(asOf),
      },
      200,
    );
  });

  app.openapi(listAnomalies, async (c) => {
    const { from, to, ...page } = c.req.valid('query');
    const span = spanOf({ from, to }, clock.now());
    const days = { from: dayAt(timeZone, span.from).start, to: span.to };
    const answer = await listPage(
      (...at) => anomalies.list(days, ...at),
      page,
      (event) => event,
    );
    return c.json(answer, 200);
  });
  return app;
}

function groupingsOf(text: string | undefined): Grouping[] {
  const words = text === undefined ? [] : text.split(',');
  const known: readonly string[] = DIMENSIONS;
  const wrong = words.find(
    (word, i) => !(known.includes(word) || TAG.test(word)) || words.indexOf(word) !== i,
  );
  if (wrong !== undefined)
    throw new Problem(
      'invalid_request',
      `group_by: use ${DIMENSIONS.join(', ')} or tag:<name>, each once, with commas between`,
    );
  return words as Grouping[];
}

function filterOf({
  tag,
  ...named
}: { tag?: string | undefined } & Partial<
  Record<(typeof DIMENSIONS)[number], string | undefined>
>): SpendQuery['filter'] {
  const filter: Partial<Record<Grouping, string>> = {};
  for (const dimension of DIMENSIONS) {
    const value = named[dimension];
    if (value !== undefined) filter[dimension] = value;
  }
  if (tag !== undefined) {
    const name = tag.slice(0, tag.indexOf(':'));
    filter[`tag:${name}`] = tag.slice(name.length + 1);
  }
  return filter;
}

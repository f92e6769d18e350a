/** The books: the audit, and one charge a call. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { nameSchema } from '../core/caps/cap-definition.ts';
import { auditLedger } from '../core/ledger/audit.ts';
import { chargeView } from '../core/ledger/charge-view.ts';
import { isUsageCursor, listCharges } from '../core/ledger/usage.ts';
import { DAY, parseRfc3339, plus } from '../core/time.ts';
import { durationMs, epochMs, type EpochMs } from '../core/brands.ts';
import { Problem } from './problems.ts';
import { adminRoute, jsonAnswer, newApp, noQuery, pageOf, pageQuery, type AdminDeps } from './routes.ts';

const auditSchema = z.strictObject({
  balanced: z.boolean(),
  accounts: z.int(),
  open_holds: z.int(),
  in_motion: z.int(),
  differences: z.array(
    z.strictObject({
      principal: z.string(),
      account: z.string(),
      window_key: z.string(),
      rule: z.string(),
      expected: z.string(),
      found: z.string(),
    }),
  ),
});

const chargeSchema = z.strictObject({
  request_id: z.string(),
  at: z.string(),
  user: z.string().nullable(),
  team: z.string(),
  app: z.string(),
  feature: z.string(),
  tags: z.record(z.string(), z.string()),
  dialect: z.string(),
  model_requested: z.string(),
  model: z.string(),
  tokens: z.record(z.string(), z.number()),
  cost_usd: z.string(),
  reserved_usd: z.string(),
  price_version: z.string(),
  outcome: z.enum(['settled', 'voided', 'presumed_spent', 'overrun', 'adjusted']),
  evidence: z.string().nullable(),
  stage: z.string(),
  latency_ms: z.number().nullable(),
});

const getAudit = adminRoute({
  method: 'get',
  path: '/ledger/audit',
  request: { query: noQuery },
  responses: { 200: jsonAnswer(auditSchema, 'Every account, recomputed from charges and holds') },
});

const usageQuery = pageQuery.extend({
  user: nameSchema.optional(),
  /** Inclusive; 31 days before `to` if left out. */
  from: z.string().optional(),
  /** Exclusive; now if left out. */
  to: z.string().optional(),
});

const getUsage = adminRoute({
  method: 'get',
  path: '/usage',
  request: { query: usageQuery },
  responses: { 200: jsonAnswer(pageOf(chargeSchema), 'One charge a call, every outcome, newest first') },
});

const SPAN_DEFAULT = durationMs(31 * DAY);
const SPAN_MAX = durationMs(366 * DAY);

export function ledgerRoutes({ table, clock }: AdminDeps): OpenAPIHono {
  const app = newApp();

  app.openapi(getAudit, async (c) => c.json(await auditLedger(table), 200));

  app.openapi(getUsage, async (c) => {
    const { user, limit, cursor, ...given } = c.req.valid('query');
    // Calls that are admitted while we read are in this page or in none: the end is exclusive, hence the 1.
    const to = instant('to', given.to) ?? plus(clock.now(), durationMs(1));
    const from = instant('from', given.from) ?? epochMs(to - SPAN_DEFAULT);
    if (from > to) throw new Problem('invalid_request', 'from: is after to');
    if (to - from > SPAN_MAX) throw new Problem('invalid_request', 'from: at most 366 days before to');
    if (cursor !== undefined && !isUsageCursor(cursor))
      throw new Problem('invalid_request', 'cursor: give the next_cursor of the page before, unchanged');
    const page = await listCharges(table, { user, from, to, limit, cursor });
    return c.json({ items: page.charges.map(chargeView), next_cursor: page.cursor ?? null }, 200);
  });
  return app;
}

function instant(name: string, text: string | undefined): EpochMs | undefined {
  if (text === undefined) return undefined;
  const at = parseRfc3339(text);
  if (at === undefined)
    throw new Problem('invalid_request', `${name}: use an instant such as 2026-11-01T00:00:00Z`);
  return at;
}

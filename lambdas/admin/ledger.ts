/** The books: the audit, open holds, evidence for calls that nobody saw the end of, and one charge a call. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { nameSchema } from '../core/caps/cap-definition.ts';
import { auditLedger } from '../core/ledger/audit.ts';
import { takeEvidence } from '../core/ledger/evidence.ts';
import { expiresAt, findCall, listHolds, type OpenHold } from '../core/ledger/holds.ts';
import { formatUsd, parseUsd } from '../core/money.ts';
import { leafKey, principalOf } from '../core/ledger/leaf.ts';
import { chargeView } from '../core/ledger/charge-view.ts';
import { isUsageCursor, listCharges } from '../core/ledger/usage.ts';
import { receiptOf } from '../core/receipts/receipt.ts';
import { receiptSchema } from '../core/receipts/receipt-document.ts';
import { toRfc3339 } from '../core/time.ts';
import { picoUsd } from '../core/brands.ts';
import { Problem } from './problems.ts';
import {
  adminRoute,
  conflict,
  jsonAnswer,
  jsonBody,
  newApp,
  noQuery,
  notFound,
  pageOf,
  pageQuery,
  type AdminDeps,
} from './routes.ts';
import { spanOf } from './span.ts';

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
  /** The cheaper model that it was sent to in place of the requested one. */
  fallback: z.string().nullable(),
  tokens: z.record(z.string(), z.number()),
  cost_usd: z.string(),
  reserved_usd: z.string(),
  price_version: z.string(),
  outcome: z.enum(['settled', 'voided', 'presumed_spent', 'overrun', 'adjusted']),
  /** Why nobody knew what a call cost that was presumed spent. */
  reason: z.string().nullable(),
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

const holdSchema = z.strictObject({
  request_id: z.string(),
  principal: z.string(),
  user: z.string().nullable(),
  team: z.string(),
  app: z.string(),
  feature: z.string(),
  model_requested: z.string(),
  reserved_usd: z.string(),
  since: z.string(),
  /** in_flight: may be running · charged: the next collection settles it · orphaned: presumed spent at expires_at */
  state: z.enum(['in_flight', 'charged', 'orphaned']),
  expires_at: z.string(),
});

const listOpenHolds = adminRoute({
  method: 'get',
  path: '/ledger/holds',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(pageOf(holdSchema), 'Open holds, and why each is open') },
});

const evidenceSchema = z.strictObject({
  /** What the provider billed for the call; "0.00" for one that it never saw. */
  billed_usd: z.string().max(40),
  /** All tokens that it billed; those held, if left out for a call that was billed. */
  billed_tokens: z.int().min(0).optional(),
  /** Who says so, or where it is written. */
  source: z.string().min(1).max(500),
});

const postEvidence = adminRoute({
  method: 'post',
  path: '/ledger/requests/{id}/evidence',
  request: {
    params: z.strictObject({ id: z.string().min(1).max(80) }),
    query: noQuery,
    body: jsonBody(evidenceSchema),
  },
  responses: {
    200: jsonAnswer(
      z.strictObject({ result: z.enum(['charged', 'adjusted']), charge: chargeSchema }),
      'The charge that was written: of the call itself, or the difference to what was presumed',
    ),
    404: notFound,
    409: conflict('The call may still be running, or was settled by what the provider said'),
  },
});

const getReceipt = adminRoute({
  method: 'get',
  path: '/ledger/requests/{id}/receipt',
  request: { params: z.strictObject({ id: z.string().min(1).max(80) }), query: noQuery },
  responses: {
    200: jsonAnswer(receiptSchema, 'What the call cost and why, computed again from what its charge cites'),
    404: notFound,
    409: conflict('The call is not charged yet'),
  },
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

export function ledgerRoutes(deps: AdminDeps): OpenAPIHono {
  const { table, clock } = deps;
  const app = newApp();

  app.openapi(getAudit, async (c) => c.json(await auditLedger(table), 200));

  app.openapi(listOpenHolds, async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const from = cursor === undefined ? undefined : leafOfCursor(cursor);
    const page = await listHolds(deps, { limit, from, now: clock.now() });
    const next_cursor = page.next === undefined ? null : encodeURIComponent(page.next);
    return c.json({ items: page.items.map(holdView), next_cursor }, 200);
  });

  app.openapi(postEvidence, async (c) => {
    const { id } = c.req.valid('param');
    const { billed_usd, billed_tokens, source } = c.req.valid('json');
    const billed = parseUsd(billed_usd);
    if (billed === undefined)
      throw new Problem('invalid_request', 'billed_usd: write dollars as a decimal string, such as "0.04"');
    const call = await findCall(deps, id);
    if (!call) throw new Problem('not_found', `No admitted call has the id "${id}".`);
    const tokens = billed_tokens === undefined ? undefined : BigInt(billed_tokens);
    const outcome = await takeEvidence(deps, call, { billed, tokens, source });
    switch (outcome.kind) {
      case 'charged':
      case 'adjusted':
        return c.json({ result: outcome.kind, charge: chargeView(outcome.charge) }, 200);
      case 'may_be_running':
        throw new Problem(
          'call_in_flight',
          `The call ${id} may still be running; evidence is taken from 16 minutes after it began.`,
        );
      case 'settled':
        throw new Problem(
          'call_settled',
          `The call ${id} was ${outcome.charge.outcome} by what the provider answered; only what was presumed can be corrected.`,
        );
      case 'unknown':
        throw new Problem('not_found', `No admitted call has the id "${id}".`);
    }
  });

  app.openapi(getReceipt, async (c) => {
    const { id } = c.req.valid('param');
    const call = await findCall(deps, id);
    if (!call) throw new Problem('not_found', `No admitted call has the id "${id}".`);
    if (!call.charge)
      throw new Problem(
        'call_in_flight',
        `The call ${id} is not charged yet; a receipt comes with the charge.`,
      );
    return c.json(
      await receiptOf({ ledger: deps.ledger, book: await deps.office.prices.current() }, call.charge),
      200,
    );
  });

  app.openapi(getUsage, async (c) => {
    const { user, limit, cursor, ...given } = c.req.valid('query');
    const { from, to } = spanOf(given, clock.now());
    if (cursor !== undefined && !isUsageCursor(cursor))
      throw new Problem('invalid_request', 'cursor: give the next_cursor of the page before, unchanged');
    const page = await listCharges(table, { user, from, to, limit, cursor });
    return c.json({ items: page.charges.map(chargeView), next_cursor: page.cursor ?? null }, 200);
  });
  return app;
}

/** Cursors of holds name a leaf. */
function leafOfCursor(cursor: string): string {
  const pk = decodeURIComponent(cursor);
  if (!pk.startsWith('L#'))
    throw new Problem('invalid_request', 'cursor: give the next_cursor of the page before, unchanged');
  return pk;
}

const holdView = ({ leaf, hold, state, heldSince }: OpenHold): z.infer<typeof holdSchema> => ({
  request_id: hold.i.rq,
  principal: leafKey(principalOf(leaf.pk)).pk.slice('L#'.length),
  user: hold.i.us,
  team: hold.i.tm,
  app: hold.i.ap,
  feature: hold.i.ft,
  model_requested: hold.i.md,
  reserved_usd: formatUsd(picoUsd(hold.i.pu)),
  since: toRfc3339(heldSince),
  state,
  expires_at: toRfc3339(expiresAt(hold)),
});

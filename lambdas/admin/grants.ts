/** Requests for more: list, show, approve, deny. Whoever asked decides nothing. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { parseInMetric } from '../core/caps/amounts.ts';
import type { EpochMs } from '../core/brands.ts';
import { grantIdSchema, grantSchema, grantView, reasonSchema } from '../core/grants/grant-view.ts';
import type { GrantRecord } from '../core/grants/grant.ts';
import type { Decided, Verdict } from '../core/grants/grant-desk.ts';
import { amountAdvice, amountMax, expiryMax } from '../core/grants/limits.ts';
import type { Approver } from '../core/grants/same-person.ts';
import { GRANT_STATUSES } from '../core/ledger/notices.ts';
import { parseRfc3339, toRfc3339 } from '../core/time.ts';
import { Problem } from './problems.ts';
import {
  adminRoute,
  conflict,
  forbidden,
  jsonAnswer,
  jsonBody,
  listPage,
  newApp,
  noQuery,
  notFound,
  pageOf,
  pageQuery,
  type AdminDeps,
} from './routes.ts';

const grantParams = z.strictObject({ id: grantIdSchema });

const listGrants = adminRoute({
  method: 'get',
  path: '/grants',
  request: { query: pageQuery.extend({ status: z.enum(GRANT_STATUSES).default('requested') }) },
  responses: { 200: jsonAnswer(pageOf(grantSchema), 'Those of one status, oldest first') },
});

const getGrant = adminRoute({
  method: 'get',
  path: '/grants/{id}',
  request: { params: grantParams, query: noQuery },
  responses: { 200: jsonAnswer(grantSchema, 'What was asked for and what became of it'), 404: notFound },
});

const decided = {
  200: jsonAnswer(grantSchema, 'It is in force; a repeat of the same decision answers the same'),
  403: forbidden('The one who asked does not decide'),
  404: notFound,
  409: conflict('It was decided otherwise, or its time is over, or its cap is'),
};

const approvalSchema = z.strictObject({
  /** Left out: as asked for. */
  amount: z.string().max(40).optional(),
  /** Left out: until the cap's window ends. */
  expires_at: z.string().max(40).optional(),
});
const approveGrant = adminRoute({
  method: 'post',
  path: '/grants/{id}/approve',
  request: { params: grantParams, query: noQuery, body: jsonBody(approvalSchema) },
  responses: decided,
});

const denyGrant = adminRoute({
  method: 'post',
  path: '/grants/{id}/deny',
  request: {
    params: grantParams,
    query: noQuery,
    body: jsonBody(z.strictObject({ reason: reasonSchema })),
  },
  responses: decided,
});

export function grantRoutes(
  { grants, clock }: AdminDeps,
  adminOf: (headers: Headers) => Promise<Approver | undefined>,
): OpenAPIHono {
  const app = newApp();
  const view = (grant: GrantRecord) => grantView(grant, clock.now());

  app.openapi(listGrants, async (c) => {
    const { status, ...page } = c.req.valid('query');
    const items = await listPage((...at) => grants.records.list(status, ...at), page, view);
    return c.json(items, 200);
  });

  app.openapi(getGrant, async (c) => c.json(view(await existing(c.req.valid('param').id)), 200));

  app.openapi(approveGrant, async (c) => {
    const { id } = c.req.valid('param');
    const verdict = approvalOf(await existing(id), c.req.valid('json'), clock.now());
    return c.json(await decide(id, c.req.raw.headers, verdict), 200);
  });

  app.openapi(denyGrant, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(await decide(id, c.req.raw.headers, { kind: 'denied', ...c.req.valid('json') }), 200);
  });

  async function existing(id: string): Promise<GrantRecord> {
    const grant = await grants.records.get(id);
    if (!grant) throw noSuchGrant(id);
    return grant;
  }

  async function decide(id: string, headers: Headers, verdict: Verdict) {
    const decision = await grants.decide(id, (await adminOf(headers))!, verdict);
    if (decision.kind !== 'done') throw notDecided(id, decision);
    return view(decision.grant);
  }
  return app;
}

const noSuchGrant = (id: string): Problem => new Problem('not_found', `There is no grant "${id}".`);

function approvalOf(
  { metric, amount: asked, window, windowEnds, decision }: GrantRecord,
  given: z.output<typeof approvalSchema>,
  now: EpochMs,
): Verdict {
  const amount = given.amount === undefined ? asked : parseInMetric(metric, given.amount);
  if (amount === undefined || amount <= 0n || amount > amountMax(metric))
    throw new Problem('invalid_request', `amount: ${amountAdvice(metric)}`);
  const expiresAt = given.expires_at === undefined ? windowEnds : parseRfc3339(given.expires_at);
  if (expiresAt === null)
    throw new Problem(
      'invalid_request',
      `expires_at: a ${window} does not end by itself; say when this does`,
    );
  // A repeat of what was decided in time is none the worse for coming late.
  if (expiresAt === undefined || (expiresAt <= now && decision === undefined) || expiresAt > expiryMax(now))
    throw new Problem(
      'invalid_request',
      'expires_at: use an instant within a year, such as 2026-12-01T00:00:00Z',
    );
  return { kind: 'approved', amount, expiresAt };
}

function notDecided(id: string, decision: Exclude<Decided, { kind: 'done' }>): Problem {
  switch (decision.kind) {
    case 'unknown':
      return noSuchGrant(id);
    case 'own_request':
      return new Problem('own_request', 'You asked for this yourself: somebody else has to decide.');
    case 'cap_gone':
      return new Problem(
        'already_decided',
        `The cap "${decision.grant.cap}" was deleted or redefined since: there is nothing left to raise.`,
      );
    case 'decided_before':
      return new Problem('already_decided', `${decidedWords(decision.grant)}; the first decision stands.`);
  }
}

function decidedWords({ decision, answerBy }: GrantRecord): string {
  switch (decision?.kind) {
    case 'approved':
    case 'denied':
      return `It was ${decision.kind} by ${decision.by} at ${toRfc3339(decision.at)}`;
    case 'expired':
    case undefined:
      return `It expired at ${toRfc3339(answerBy)}, when nobody had decided`;
  }
}

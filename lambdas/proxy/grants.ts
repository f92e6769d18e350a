/**
 * POST /v1/grants: the caller asks for more than a cap of theirs has. GET /v1/grants/{id}: what became of it. Who the
 * caller is, is refused as everywhere; what is wrong with the request is an RFC 9457 problem.
 */
import * as z from 'zod';
import { detailOf, renderProblem } from '../admin/problems.ts';
import { capIdSchema } from '../core/caps/cap-definition.ts';
import type { Gateway } from '../core/gateway.ts';
import { grantView, reasonSchema } from '../core/grants/grant-view.ts';
import type { Requested } from '../core/grants/grant-requests.ts';
import { amountAdvice } from '../core/grants/limits.ts';
import { decodeText, intercept } from '../core/steps/intercept.ts';
import { dialectOf } from './caller-dialect.ts';
import { freeRoute } from './free-route.ts';

const wishSchema = z.strictObject({ cap: capIdSchema, amount: z.string().max(40), reason: reasonSchema });

export function requestGrant(gateway: Gateway, request: Request): Promise<Response> {
  return freeRoute(gateway, dialectOf(request.headers), request, async (caller) => {
    const wish = wishSchema.safeParse(await jsonOf(request));
    if (!wish.success) return renderProblem('invalid_request', detailOf(wish.error));
    const requested = await gateway.grants.request(caller, wish.data);
    if (requested.kind !== 'requested') return explain(requested, wish.data.cap);
    return Response.json(grantView(requested.grant, gateway.clock.now()), { status: 202 });
  });
}

export function showGrant(gateway: Gateway, request: Request, id: string): Promise<Response> {
  return freeRoute(gateway, dialectOf(request.headers), request, async ({ principal }) => {
    const grant = await gateway.grants.own(principal, id);
    return grant
      ? Response.json(grantView(grant, gateway.clock.now()))
      : renderProblem('not_found', `You asked for nothing with the id "${id}".`);
  });
}

/** Undefined where it is no JSON, which the schema then says. */
async function jsonOf(request: Request): Promise<unknown> {
  const body = await intercept(request);
  const text = body.ok ? decodeText(body.value.bytes) : body;
  if (!text.ok) return undefined;
  try {
    return JSON.parse(text.value) as unknown;
  } catch {
    return undefined;
  }
}

function explain(refused: Exclude<Requested, { kind: 'requested' }>, cap: string): Response {
  switch (refused.kind) {
    case 'unknown_cap':
      return renderProblem(
        'not_found',
        `No cap "${cap}" covers you; GET /v1/budget lists those that do (a feature's with its x-spendcap-feature).`,
      );
    case 'passes_by_itself':
      return renderProblem(
        'cap_not_supported',
        `What the cap "${cap}" refuses passes within a minute or with your calls in flight; there is nothing to ask for.`,
      );
    case 'bad_amount':
      return renderProblem('invalid_request', `amount: ${amountAdvice(refused.metric)}`);
    case 'mismatch':
      return renderProblem('idempotency_mismatch', 'Use a new Idempotency-Key to ask for something else.');
  }
}

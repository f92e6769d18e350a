/**
 * GET /v1/requests/{id}: one's own call, by the id on its response: its hold while it is in flight, its charge
 * and receipt afterwards. GET /v1/requests: the same, by the Idempotency-Key that it was sent with. A client whose connection broke
 * learns here what became of its money.
 */
import { leavesOfPrincipal } from '../core/admission/leaf-choice.ts';
import { epochMs, picoUsd, type HoldId } from '../core/brands.ts';
import type { Gateway } from '../core/gateway.ts';
import { chargeView } from '../core/ledger/charge-view.ts';
import { earlierCalls, type EarlierCall } from '../core/ledger/earlier-calls.ts';
import type { Hold, Principal } from '../core/ledger/leaf.ts';
import { formatUsd } from '../core/money.ts';
import { receiptOf } from '../core/receipts/receipt.ts';
import type { Refusal } from '../core/refusals.ts';
import { holdOfKey, holdOfRequest } from '../core/request-ids.ts';
import { toRfc3339 } from '../core/time.ts';
import { dialectOf } from './caller-dialect.ts';
import { freeRoute } from './free-route.ts';

export function showRequest(gateway: Gateway, request: Request, id: string): Promise<Response> {
  return freeRoute(gateway, dialectOf(request.headers), request, async ({ principal }) => {
    const base = holdOfRequest(id);
    const calls = base === undefined ? [] : await callsOf(gateway, principal, base);
    // A repeat that was refused has an id of its own: it is told of the call that stood in its way.
    const call = calls.find(({ requestId }) => requestId === id) ?? calls.at(-1);
    return call ? Response.json(await viewOf(gateway, id, call)) : { refusal: notFound(`the id ${id}`) };
  });
}

/** The newest call under one's own key: what a client asks that never saw an answer, and so has no id. */
export function showRequestOfKey(gateway: Gateway, request: Request): Promise<Response> {
  return freeRoute(gateway, dialectOf(request.headers), request, async ({ principal, idempotencyKey }) => {
    if (idempotencyKey === undefined) return { refusal: whichCall() };
    const base = await holdOfKey(principal, idempotencyKey);
    const call = (await callsOf(gateway, principal, base)).at(-1);
    return call
      ? Response.json(await viewOf(gateway, call.requestId, call))
      : { refusal: notFound('this Idempotency-Key') };
  });
}

const callsOf = (gateway: Gateway, principal: Principal, base: HoldId): Promise<EarlierCall[]> =>
  earlierCalls(gateway.ledger, { principal, leaves: leavesOfPrincipal(gateway.policy, principal) }, base);

const whichCall = (): Refusal => ({
  code: 'invalid_request',
  message:
    'Say which call: by its id, as in /v1/requests/req_…, or by the Idempotency-Key header that it was sent with.',
});

const notFound = (what: string): Refusal => ({
  code: 'request_not_found',
  message: `You made no admitted call with ${what}.`,
});

async function viewOf({ ledger, prices }: Gateway, id: string, call: EarlierCall) {
  if (call.state === 'in_flight')
    return { id, status: call.state, hold: holdView(call.hold), charge: null, receipt: null };
  const { state, charge } = call;
  const receipt = await receiptOf({ ledger, book: await prices.current() }, charge);
  return { id, status: state, hold: null, charge: chargeView(charge), receipt };
}

const holdView = ({ i }: Hold) => ({
  request_id: i.rq,
  at: toRfc3339(epochMs(Number(i.ts))),
  model_requested: i.md,
  reserved_usd: formatUsd(picoUsd(i.pu)),
  price_version: i.cd,
});

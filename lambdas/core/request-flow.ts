/**
 * One request, in order. Seven steps are the request; the last two leave by the table's stream.
 *
 *   1 intercept   read the body, up to the limit
 *   2 identify    whose call it is
 *   3 price       what it can cost at most, and what the cheaper models would that may stand in
 *   4 reserve     fit it to the money left: as asked, else with less output, else by a cheaper model; deduct that from
 *                 every cap, in one conditional write; or refuse, at no cost; or answer a repeat
 *   5 forward     send it once
 *   6 meter       read what the provider billed, as the answer goes by
 *   7 settle      write the charge, then turn the hold into it
 *   8 change feed   lambdas/change-feed: totals and crossed thresholds, from the table's stream
 *   9 escalate      lib/escalation.asl.json: warn, throttle, block, ask
 *
 * The answer carries `completion`: it ends when the call is settled, whatever became of the client, and every
 * host awaits it.
 */
import type { Answer, Call, Replay } from './call.ts';
import type { Endpoint } from './endpoint.ts';
import type { Gateway } from './gateway.ts';
import { passed, refused, type Refusal, type Stepped } from './refusals.ts';
import { freshIds, idempotentIds, type CallIds } from './request-ids.ts';
import { replayed } from './response-headers.ts';
import { forward } from './steps/forward.ts';
import { identify } from './steps/identify.ts';
import { intercept } from './steps/intercept.ts';
import { meter } from './steps/meter.ts';
import { price } from './steps/price.ts';
import { ledgerUnavailable, reserve } from './steps/reserve.ts';

export async function answerCall(gateway: Gateway, endpoint: Endpoint, request: Request): Promise<Answer> {
  const ids = { current: freshIds(gateway.ids) };
  const admitted = await orUnavailable(gateway, ids, admit(gateway, endpoint, request, ids));
  if (!admitted.ok) {
    const context = { requestId: ids.current.requestId, headers: request.headers };
    const response = gateway.renderers[endpoint.dialect].refusal(admitted.refusal, context);
    return { response, completion: noteReached(gateway, admitted.refusal, ids.current) };
  }
  const admission = admitted.value;
  if (admission.kind === 'replay') {
    return { response: replayed(admission.replay, ids.current.requestId), completion: Promise.resolve() };
  }
  const { call } = admission;
  const sent = await forward(call);
  return meter(call, sent); // and settle, by the time that `completion` ends
}

type Admission = { kind: 'call'; call: Call } | { kind: 'replay'; replay: Replay };

/** Steps 1 to 4. Whatever refuses or fails here has cost nothing. */
async function admit(
  gateway: Gateway,
  endpoint: Endpoint,
  request: Request,
  ids: { current: CallIds },
): Promise<Stepped<Admission>> {
  const body = await intercept(request);
  if (!body.ok) return body;

  const caller = await identify(request.headers, gateway);
  if (!caller.ok) return caller;
  const { principal, idempotencyKey } = caller.value;
  if (idempotencyKey !== undefined) ids.current = await idempotentIds(principal, idempotencyKey, gateway.ids);

  const quote = await price(gateway, endpoint, caller.value, body.value, request.headers);
  if (!quote.ok) return quote;

  const reservation = await reserve(gateway, endpoint, caller.value, quote.value, ids.current);
  if (!reservation.ok) return reservation;
  if (reservation.value.kind === 'replay') return passed(reservation.value);

  const call: Call = {
    gateway,
    endpoint,
    caller: caller.value,
    quote: reservation.value.reserved.quote,
    reserved: reservation.value.reserved,
    ids: ids.current,
    request,
  };
  return passed({ kind: 'call', call });
}

/** After the answer: that a cap is used up is news, once. */
async function noteReached(gateway: Gateway, refusal: Refusal, { requestId }: CallIds): Promise<void> {
  if (refusal.code !== 'cap_reached' || !refusal.reached) return;
  try {
    await gateway.reached.note(refusal.reached, requestId);
  } catch (error) {
    gateway.report({ kind: 'failed', requestId, reason: `the reached cap was not noted: ${String(error)}` });
  }
}

/** Fails closed: whatever could not be read or written, nothing has been forwarded. */
async function orUnavailable<T>(
  gateway: Gateway,
  ids: { current: CallIds },
  step: Promise<Stepped<T>>,
): Promise<Stepped<T>> {
  try {
    return await step;
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    gateway.report({ kind: 'failed', requestId: ids.current.requestId, reason });
    return refused(ledgerUnavailable());
  }
}

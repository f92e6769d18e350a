/** Routes that cost nothing: the caller must be known, and nothing is reserved. */
import type { Dialect } from '../core/endpoint.ts';
import type { Gateway } from '../core/gateway.ts';
import { freshIds } from '../core/request-ids.ts';
import { refused, type Refusal, type Stepped } from '../core/refusals.ts';
import { identify, type Caller } from '../core/steps/identify.ts';
import { ledgerUnavailable } from '../core/steps/reserve.ts';

export type FreeAnswer = Response | { refusal: Refusal };

/** Identifies the caller, answers, and renders refusals in the caller's dialect. */
export async function freeRoute(
  gateway: Gateway,
  dialect: Dialect,
  request: Request,
  answer: (caller: Caller, requestId: string) => Promise<FreeAnswer>,
): Promise<Response> {
  const { requestId } = freshIds(gateway.ids);
  const answered = await answerOf(gateway, request, requestId, answer);
  const response =
    'refusal' in answered
      ? gateway.renderers[dialect].refusal(answered.refusal, { requestId, headers: request.headers })
      : answered;
  response.headers.set('x-spendcap-request-id', requestId);
  return response;
}

async function answerOf(
  gateway: Gateway,
  request: Request,
  requestId: string,
  answer: (caller: Caller, requestId: string) => Promise<FreeAnswer>,
): Promise<FreeAnswer> {
  try {
    const caller: Stepped<Caller> = await identify(request.headers, gateway);
    return caller.ok ? await answer(caller.value, requestId) : { refusal: caller.refusal };
  } catch (error) {
    gateway.report({ kind: 'failed', requestId, reason: String(error) });
    return refused(ledgerUnavailable());
  }
}

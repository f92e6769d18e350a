/** What Spendcap itself says in the OpenAI dialect: contract 5 (SDK behaviour: reference in docs/decisions/0005). */
import type { DialectRenderer } from '../../../core/endpoint.ts';
import type { Refusal, RefusalCode } from '../../../core/refusals.ts';
import { refusalHeaders } from '../refusal-headers.ts';

const STATUS_AND_TYPE: Record<RefusalCode, [status: number, type: string, code: string]> = {
  endpoint_not_metered: [404, 'invalid_request_error', 'endpoint_not_metered'],
  request_too_large: [413, 'invalid_request_error', 'request_too_large'],
  invalid_api_key: [401, 'invalid_request_error', 'invalid_api_key'],
  delegate_required: [403, 'invalid_request_error', 'delegate_required'],
  user_required: [400, 'invalid_request_error', 'user_required'],
  request_not_found: [404, 'invalid_request_error', 'request_not_found'],
  invalid_request: [400, 'invalid_request_error', 'invalid_request'],
  not_meterable: [400, 'invalid_request_error', 'not_meterable'],
  model_not_priced: [400, 'invalid_request_error', 'model_not_priced'],
  model_quarantined: [503, 'api_error', 'model_quarantined'],
  no_cap: [403, 'invalid_request_error', 'no_cap'],
  idempotency_mismatch: [422, 'invalid_request_error', 'idempotency_mismatch'],
  already_charged: [409, 'invalid_request_error', 'already_charged'],
  in_flight: [409, 'invalid_request_error', 'in_flight'],
  cap_reached: [429, 'insufficient_quota', 'insufficient_quota'],
  throttled: [429, 'rate_limit_exceeded', 'rate_limit_exceeded'],
  ledger_unavailable: [503, 'api_error', 'ledger_unavailable'],
};

export const openAiRendering: DialectRenderer = {
  refusal(refusal, { requestId, headers }) {
    const [status, type, code] = STATUS_AND_TYPE[refusal.code];
    const error = { message: refusal.message, type, param: paramOf(refusal), code, ...extraMembers(refusal) };
    return Response.json(
      { error },
      {
        // The AI SDK retries 429 whatever the headers say; 402 it takes as final.
        status: refusal.code === 'cap_reached' && isAiSdk(headers) ? 402 : status,
        headers: { 'x-request-id': requestId, ...refusalHeaders(refusal, requestId) },
      },
    );
  },
  fault({ status, code, message, mayRetry }, requestId) {
    return Response.json(
      { error: { message, type: 'api_error', param: null, code } },
      { status, headers: { 'x-request-id': requestId, ...(mayRetry ? {} : { 'x-should-retry': 'false' }) } },
    );
  },
  admitted: () => [],
};

const paramOf = (refusal: Refusal): string | null => ('param' in refusal ? (refusal.param ?? null) : null);

export function extraMembers(refusal: Refusal): Record<string, unknown> {
  if ('limit' in refusal) return { limit: refusal.limit };
  if (refusal.code === 'already_charged') return { charge: refusal.charge };
  return {};
}

export const isAiSdk = (headers: Headers): boolean => (headers.get('user-agent') ?? '').includes('ai-sdk');

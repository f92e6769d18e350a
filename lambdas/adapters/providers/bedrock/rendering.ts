/**
 * What Spendcap itself says in the Bedrock dialect: contract 5. Clients take the exception from `x-amzn-errortype`;
 * statuses are those that no AWS SDK repeats where a repeat would be wrong (client-bedrock-runtime 3.1164.0, boto3
 * 1.43.11: both repeat every 500, 502, 503 and 504 whatever the headers say).
 */
import type { DialectRenderer } from '../../../core/endpoint.ts';
import type { RefusalCode } from '../../../core/refusals.ts';
import { extraMembers } from '../openai/rendering.ts';
import { refusalHeaders } from '../refusal-headers.ts';

const STATUS_AND_EXCEPTION: Record<RefusalCode, [status: number, exception: string]> = {
  endpoint_not_metered: [404, 'ResourceNotFoundException'],
  request_too_large: [413, 'ValidationException'],
  invalid_api_key: [403, 'AccessDeniedException'],
  delegate_required: [403, 'AccessDeniedException'],
  user_required: [400, 'ValidationException'],
  request_not_found: [404, 'ResourceNotFoundException'],
  invalid_request: [400, 'ValidationException'],
  not_meterable: [400, 'ValidationException'],
  model_not_priced: [400, 'ValidationException'],
  model_quarantined: [503, 'ServiceUnavailableException'],
  no_cap: [403, 'AccessDeniedException'],
  idempotency_mismatch: [422, 'ValidationException'],
  already_charged: [409, 'ConflictException'],
  in_flight: [409, 'ConflictException'],
  cap_reached: [402, 'ServiceQuotaExceededException'],
  throttled: [429, 'ThrottlingException'],
  ledger_unavailable: [503, 'ServiceUnavailableException'],
};
/** AWS's own status for a model that failed, and the one for failures that no SDK repeats. */
const MODEL_ERROR = 424;

export const bedrockRendering: DialectRenderer = {
  refusal(refusal, { requestId }) {
    const [status, exception] = STATUS_AND_EXCEPTION[refusal.code];
    return errorOf(
      { status, exception, requestId, message: refusal.message, ...extraMembers(refusal) },
      refusalHeaders(refusal, requestId),
    );
  },
  fault({ status, message, mayRetry }, requestId) {
    return mayRetry
      ? errorOf({ status, exception: 'ServiceUnavailableException', requestId, message }, {})
      : errorOf(
          { status: MODEL_ERROR, exception: 'ModelErrorException', requestId, message },
          { 'x-should-retry': 'false' },
        );
  },
  admitted: () => [],
};

interface BedrockError extends Record<string, unknown> {
  status: number;
  exception: string;
  requestId: string;
  message: string;
}

const errorOf = (
  { status, exception, requestId, ...body }: BedrockError,
  headers: Record<string, string>,
): Response =>
  Response.json(body, {
    status,
    headers: { 'x-amzn-requestid': requestId, 'x-amzn-errortype': exception, ...headers },
  });

/**
 * API Gateway's own answers, before or instead of the function's. The body is read by the clients of both
 * dialects; the headers tell them whether to repeat. Only what surely reached no provider may be repeated: the SDKs
 * obey `x-should-retry`, and repeat a 429 or 5xx by themselves without it.
 */
import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';

interface GatewayAnswer {
  type: ResponseType;
  /** Left out: API Gateway's own. */
  statusCode?: string;
  code: string;
  message: string;
  /** Seconds; left out where a repeat would not help, or might be billed twice. */
  retryAfter?: number;
}

export const GATEWAY_ANSWERS: Record<string, GatewayAnswer> = {
  AccessDenied: {
    type: ResponseType.ACCESS_DENIED,
    code: 'access_denied',
    message: 'This request is not allowed. The admin API takes IAM-signed requests (execute-api:Invoke).',
  },
  MissingAuthenticationToken: {
    type: ResponseType.MISSING_AUTHENTICATION_TOKEN,
    code: 'access_denied',
    message: 'Nothing is at this address, or it takes IAM-signed requests only.',
  },
  ExpiredToken: {
    type: ResponseType.EXPIRED_TOKEN,
    code: 'expired_token',
    message: 'The AWS session that signed this request is over.',
  },
  InvalidSignature: {
    type: ResponseType.INVALID_SIGNATURE,
    code: 'invalid_signature',
    message: 'The signature of this request does not match: another secret key, region or time.',
  },
  TooLarge: {
    type: ResponseType.REQUEST_TOO_LARGE,
    code: 'request_too_large',
    message: 'The request body is too large. Send less, or by reference.',
  },
  // Refused before the function ran: nothing was reserved and nothing forwarded.
  Throttled: {
    type: ResponseType.THROTTLED,
    code: 'throttled',
    message: 'Too many requests reach this gateway at once. Nothing was charged; wait and try again.',
    retryAfter: 1,
  },
  QuotaExceeded: {
    type: ResponseType.QUOTA_EXCEEDED,
    code: 'gateway_quota_exceeded',
    message: 'The quota of this API key at the gateway is used up.',
  },
  // From here on the function may have run, and the provider may have billed.
  IntegrationTimeout: {
    type: ResponseType.INTEGRATION_TIMEOUT,
    code: 'gateway_timeout',
    message:
      'No answer within the time limit. The call may have been charged; ask /v1/budget before a repeat.',
  },
  IntegrationFailure: {
    type: ResponseType.INTEGRATION_FAILURE,
    statusCode: '503',
    code: 'gateway_unavailable',
    message: 'The gateway could not answer: it is at its limit of calls in flight, or it failed.',
  },
  Default4xx: {
    type: ResponseType.DEFAULT_4XX,
    code: 'invalid_request',
    message: 'The gateway could not take this request.',
  },
  Default5xx: {
    type: ResponseType.DEFAULT_5XX,
    code: 'gateway_unavailable',
    message: 'The gateway failed. The call may have been charged; ask /v1/budget before a repeat.',
  },
};

export function addGatewayResponses(api: RestApi): void {
  for (const [id, { type, statusCode, code, message, retryAfter }] of Object.entries(GATEWAY_ANSWERS)) {
    api.addGatewayResponse(id, {
      type,
      ...(statusCode !== undefined && { statusCode }),
      responseHeaders:
        retryAfter === undefined ? { 'x-should-retry': "'false'" } : { 'retry-after': `'${retryAfter}'` },
      templates: { 'application/json': bodyOf({ code, message }) },
    });
  }
}

/** OpenAI's error object; `type` and `request_id` beside it are what Anthropic's clients look for. */
const bodyOf = ({ code, message }: { code: string; message: string }): string =>
  JSON.stringify({
    type: 'error',
    error: { type: code, code, message, param: null },
    request_id: '$context.requestId',
  });

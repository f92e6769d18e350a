/** Errors in each provider's own words, as their documentation shows them (checked 2026-11-24). */
import type { JsonObject } from '../../lambdas/core/json-document.ts';
import type { Dialect } from './exchange.ts';

const OPENAI: Record<number, [type: string, code: string | null]> = {
  400: ['invalid_request_error', null],
  401: ['invalid_request_error', 'invalid_api_key'],
  404: ['invalid_request_error', 'model_not_found'],
  429: ['rate_limit_exceeded', 'rate_limit_exceeded'],
};
const ANTHROPIC: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export function errorBody(dialect: Dialect, status: number, message: string, id: string): JsonObject {
  if (dialect === 'anthropic') {
    const type = ANTHROPIC[status] ?? 'api_error';
    return { type: 'error', error: { type, message }, request_id: id };
  }
  const [type, code] = OPENAI[status] ?? ['server_error', null];
  return { error: { message, type, param: null, code } };
}

/** What is told where a directive asks for a status. */
export const messageOfStatus = (status: number): string =>
  status === 429
    ? 'Rate limit reached for the simulated provider.'
    : `The simulated provider answers ${status}, as it was asked to.`;

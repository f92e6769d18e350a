/** Headers and errors of the Anthropic API (API reference, checked 2026-11-24). */
import type { SimulatedDialect } from './endpoint.ts';

const TYPE_MESSAGE: Record<number, [type: string, message: string]> = {
  400: ['invalid_request_error', 'The simulated provider was asked for this error.'],
  401: ['authentication_error', 'invalid x-api-key: simulated'],
  404: ['not_found_error', 'model: simulated'],
  405: ['invalid_request_error', 'Method Not Allowed'],
  429: ['rate_limit_error', 'This request would exceed your rate limit: simulated.'],
  500: ['api_error', 'Internal server error: simulated'],
  502: ['api_error', 'Bad gateway: simulated'],
  503: ['api_error', 'Service unavailable: simulated'],
  504: ['timeout_error', 'The request timed out: simulated'],
  529: ['overloaded_error', 'Overloaded'],
};

const RESET = '2026-01-01T00:00:00Z';
const RATE_LIMITS = Object.fromEntries(
  ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((kind) => [
    [`anthropic-ratelimit-${kind}-limit`, '4000000'],
    [`anthropic-ratelimit-${kind}-remaining`, '3999000'],
    [`anthropic-ratelimit-${kind}-reset`, RESET],
  ]),
);

export const anthropic: SimulatedDialect = {
  name: 'anthropic',
  headers: (requestId) => ({
    'request-id': requestId,
    'anthropic-organization-id': '00000000-0000-4000-8000-000000000000',
    ...RATE_LIMITS,
    'set-cookie': ['_cfuvid=simulated; path=/; HttpOnly'],
  }),
  error(status, problem, requestId) {
    const [type, message] = TYPE_MESSAGE[status]!;
    return {
      type: 'error',
      error: { type, message: problem?.message ?? message },
      request_id: requestId,
    };
  },
};

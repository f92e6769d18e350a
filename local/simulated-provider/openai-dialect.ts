/** Headers and errors of the OpenAI API (API reference, checked 2026-11-24), and what its requests have in common. */
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';
import type { SimulatedDialect } from './endpoint.ts';

const TYPE_CODE_MESSAGE: Record<number, [type: string, code: string | null, message: string]> = {
  400: ['invalid_request_error', null, 'The simulated provider was asked for this error.'],
  401: ['invalid_request_error', 'invalid_api_key', 'Incorrect API key provided: simulated.'],
  404: ['invalid_request_error', 'model_not_found', 'The model does not exist: simulated.'],
  405: ['invalid_request_error', 'method_not_supported', 'Not allowed to use this method on this path.'],
  429: ['requests', 'rate_limit_exceeded', 'Rate limit reached for requests: simulated.'],
  500: ['server_error', null, 'The server had an error while processing your request: simulated.'],
  502: ['server_error', null, 'Bad gateway: simulated.'],
  503: ['server_error', null, 'The engine is currently overloaded, please try again later: simulated.'],
  504: ['server_error', null, 'The request timed out: simulated.'],
  529: ['server_error', null, 'Overloaded: simulated.'],
};

export const openAi: SimulatedDialect = {
  name: 'openai',
  headers: (requestId) => ({
    'x-request-id': requestId,
    'openai-organization': 'simulated-organization',
    'openai-project': 'proj_simulated',
    'openai-processing-ms': '1',
    'openai-version': '2020-10-01',
    'x-ratelimit-limit-requests': '30000',
    'x-ratelimit-limit-tokens': '150000000',
    'x-ratelimit-remaining-requests': '29999',
    'x-ratelimit-remaining-tokens': '149999000',
    'x-ratelimit-reset-requests': '2ms',
    'x-ratelimit-reset-tokens': '0s',
    'set-cookie': ['__cf_bm=simulated; path=/; HttpOnly', '_cfuvid=simulated; path=/; HttpOnly'],
  }),
  error(status, problem) {
    const [type, code, message] = TYPE_CODE_MESSAGE[status]!;
    if (!problem) return { error: { message, type, param: null, code } };
    return { error: { message: problem.message, type, param: problem.param, code: null } };
  },
};

/** The tier that serves a request, as the answer names it. `auto` is the project's setting: the default. */
export function tierServed({ service_tier: tier }: JsonObject): string {
  if (tier === 'fast') return 'priority';
  return typeof tier === 'string' && tier !== 'auto' ? tier : 'default';
}

/** Names of function tools, in the form of chat (`function.name`) and of responses (`name`). */
export function toolNames(tools: JsonValue | undefined): string[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool) => {
    if (!isObject(tool) || tool['type'] !== 'function') return [];
    const { name } = isObject(tool['function']) ? tool['function'] : tool;
    return typeof name === 'string' ? [name] : [];
  });
}

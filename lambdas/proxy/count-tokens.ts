/** Token counting at the provider: free, passed through, never blocked by a cap. */
import type { Dialect } from '../core/endpoint.ts';
import type { Gateway } from '../core/gateway.ts';
import { providerHeaders } from '../core/response-headers.ts';
import { forwardedHeaders } from '../core/steps/forward.ts';
import { decodeText, intercept } from '../core/steps/intercept.ts';
import { freeRoute } from './free-route.ts';

const UPSTREAM_PATH = {
  openai: '/v1/responses/input_tokens',
  anthropic: '/v1/messages/count_tokens',
} as const satisfies Partial<Record<Dialect, string>>;

export function countTokens(
  gateway: Gateway,
  dialect: keyof typeof UPSTREAM_PATH,
  request: Request,
): Promise<Response> {
  return freeRoute(gateway, dialect, request, async (_, requestId) => {
    const body = await intercept(request);
    if (!body.ok) return { refusal: body.refusal };
    const text = decodeText(body.value.bytes);
    if (!text.ok) return { refusal: text.refusal };
    const outcome = await gateway.upstream.send(dialect, {
      method: 'POST',
      path: UPSTREAM_PATH[dialect] + new URL(request.url).search,
      headers: forwardedHeaders(request.headers, 'application/json'),
      body: text.value,
      signal: request.signal,
    });
    if (outcome.kind === 'answered') {
      const { response } = outcome;
      return new Response(response.body, {
        status: response.status,
        headers: providerHeaders(response.headers),
      });
    }
    const message = `The provider could not be asked (${outcome.reason}).`;
    const fault = { status: 502, code: 'upstream_unreachable', message, mayRetry: true };
    return gateway.renderers[dialect].fault(fault, requestId);
  });
}

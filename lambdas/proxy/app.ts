/**
 * The gateway as a fetch-shaped app: every path is either metered, free, or refused; there is no other way to
 * a provider. Hosts (Lambda, the local server) turn their requests into `Request` and await each completion.
 */
import { Hono } from 'hono';
import type { Endpoint } from '../core/endpoint.ts';
import type { Gateway } from '../core/gateway.ts';
import { freshIds } from '../core/request-ids.ts';
import { answerCall } from '../core/request-flow.ts';
import {
  bedrockConverse,
  CONVERSE_PATH,
  CONVERSE_STREAM_PATH,
} from '../adapters/providers/bedrock/converse.ts';
import { ENDPOINTS } from '../adapters/providers/endpoints.ts';
import { AZURE_CHAT_PATH, azureChat } from '../adapters/providers/openai/azure-chat.ts';
import { showBudget } from './budget.ts';
import { dialectOf } from './caller-dialect.ts';
import { countTokens } from './count-tokens.ts';
import { listModels } from './models.ts';
import { requestGrant, showGrant } from './grants.ts';
import { showRequest, showRequestOfKey } from './requests.ts';

export interface ProxyHost {
  /** Every completion is handed over here; the host lets none be cut off. */
  onCompletion: (completion: Promise<void>) => void;
}

export function createProxyApp(gateway: Gateway, host: ProxyHost): Hono {
  const app = new Hono({ getPath: (request) => withoutVersion(new URL(request.url).pathname) });
  const metered = (endpoint: Endpoint) => async (request: Request) => {
    const { response, completion } = await answerCall(gateway, endpoint, request);
    host.onCompletion(completion);
    return response;
  };
  for (const [path, endpoint] of Object.entries(ENDPOINTS)) {
    const answer = metered(endpoint);
    app.post(path, (c) => answer(c.req.raw));
  }
  app.post(AZURE_CHAT_PATH, (c) => {
    const endpoint = azureChat(c.req.param('deployment'), gateway.policy.azureDeployments);
    return metered(endpoint)(c.req.raw);
  });
  for (const [path, streaming] of [
    [CONVERSE_PATH, false],
    [CONVERSE_STREAM_PATH, true],
  ] as const) {
    app.post(path, (c) => metered(bedrockConverse(c.req.param('model'), { streaming }))(c.req.raw));
  }
  app.post('/messages/count_tokens', (c) => countTokens(gateway, 'anthropic', c.req.raw));
  app.post('/responses/input_tokens', (c) => countTokens(gateway, 'openai', c.req.raw));
  app.get('/models', (c) => listModels(gateway, c.req.raw));
  app.get('/budget', (c) => showBudget(gateway, c.req.raw));
  app.get('/requests', (c) => showRequestOfKey(gateway, c.req.raw));
  app.get('/requests/:id', (c) => showRequest(gateway, c.req.raw, c.req.param('id')));
  app.post('/grants', (c) => requestGrant(gateway, c.req.raw));
  app.get('/grants/:id', (c) => showGrant(gateway, c.req.raw, c.req.param('id')));
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  // Hono dispatches HEAD as GET.
  app.get('/api/hello', (c) =>
    c.req.method === 'HEAD' ? c.body(null, 200) : notMetered(gateway, c.req.raw),
  );
  app.notFound((c) => notMetered(gateway, c.req.raw));
  return app;
}

/** Clients are set up with and without `/v1`, and sometimes with both. */
const withoutVersion = (path: string): string => path.replace(/^(\/v1){1,2}(?=\/)/, '');

function notMetered(gateway: Gateway, request: Request): Response {
  const { pathname } = new URL(request.url);
  const message = `${request.method} ${pathname} is not metered by Spendcap, so it is not let through.`;
  const { requestId } = freshIds(gateway.ids);
  const renderer = gateway.renderers[dialectOf(request.headers, pathname)];
  return renderer.refusal({ code: 'endpoint_not_metered', message }, { requestId, headers: request.headers });
}

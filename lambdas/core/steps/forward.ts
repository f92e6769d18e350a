/** Step 5: sends the call to its provider, once. Nothing of the caller's credential goes along. */
import type { Call } from '../call.ts';
import type { UpstreamOutcome } from '../ports.ts';

export interface Sent {
  /** Not awaited here: whoever waits for it also keeps the client's connection open. */
  outcome: Promise<UpstreamOutcome>;
  /** Ends the upstream request. */
  abort: AbortController;
}

/** Request headers that change what the provider does; everything else stays here. */
const FORWARDED = new Set(['accept', 'user-agent', 'anthropic-version', 'anthropic-beta', 'openai-beta']);

export async function forward(call: Call): Promise<Sent> {
  const { gateway, endpoint, quote, reserved, request } = call;
  const abort = new AbortController();
  const { outgoing } = quote;
  const outcome = gateway.upstream.send(endpoint.upstream, {
    method: 'POST',
    path: endpoint.upstreamPath + new URL(request.url).search,
    headers: forwardedHeaders(request.headers, outgoing.contentType),
    body: outgoing.bodyFor({
      card: quote.card,
      outputTokensMax: reserved.outputTokensSet,
      holdId: reserved.held.id,
      model: quote.model === quote.shape.model ? undefined : quote.model,
    }),
    signal: abort.signal,
  });
  return { outcome, abort };
}

export function forwardedHeaders(from: Headers, contentType: string): [string, string][] {
  const headers: [string, string][] = [['content-type', contentType]];
  from.forEach((value, name) => {
    if (FORWARDED.has(name)) headers.push([name, value]);
  });
  return headers;
}

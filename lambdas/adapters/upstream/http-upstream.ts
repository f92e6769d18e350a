/**
 * Port `Upstream` over HTTP/1.1 (`node:http`). Sends once: no retry, no redirect, no pipelining, no HTTP/2 (whose
 * GOAWAY would allow a silent second send). What happens to one call on its way: exchange.ts.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { Upstream, UpstreamName, UpstreamOutcome, UpstreamRequest } from '../../core/ports.ts';
import { describe, Exchange, type Destination, type UpstreamTimeouts } from './exchange.ts';

export interface UpstreamTarget {
  /** Scheme, host and port. Fixed at start; no part of it ever comes from a request. */
  origin: string;
  /** The provider's own key; undefined sends none (the simulated provider). */
  apiKey: string | undefined;
  /** In place of a key, where the provider takes signatures. */
  sign?: Signer;
}
/** Gives the headers that a request is sent with beside those it has. Throws where there is nothing to sign with. */
export type Signer = (request: {
  method: string;
  origin: string;
  path: string;
  /** Those that are signed. */
  headers: Record<string, string>;
  body: Uint8Array;
}) => Promise<[name: string, value: string][]>;
export type UpstreamTargets = Partial<Record<UpstreamName, UpstreamTarget>>;

/** Fifteen minutes is what API Gateway and Lambda allow a call. */
const TIMEOUTS: UpstreamTimeouts = { connectMs: 10_000, headersMs: 900_000, bodyMs: 900_000 };

const KEEP_ALIVE = {
  keepAlive: true,
  /** An idle socket is kept for less time than any provider keeps its own side; a server's hint may shorten it. */
  timeout: 4_000,
  /** Until TCP's first probe of a silent connection. */
  keepAliveMsecs: 60_000,
};

const CREDENTIAL: Record<UpstreamName, (apiKey: string) => [name: string, value: string]> = {
  openai: (apiKey) => ['authorization', `Bearer ${apiKey}`],
  azure: (apiKey) => ['api-key', apiKey],
  anthropic: (apiKey) => ['x-api-key', apiKey],
  gemini: (apiKey) => ['x-goog-api-key', apiKey],
  bedrock: (apiKey) => ['authorization', `Bearer ${apiKey}`],
};

/** Never taken from the request: credentials, what belongs to one connection, and the encoding we ask for. */
const WITHHELD = new Set([
  ...['authorization', 'proxy-authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'cookie'],
  ...['host', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade'],
  ...['expect', 'accept-encoding'],
]);

/** These have no length when they have no body. */
const BODILESS_METHOD = new Set(['GET', 'HEAD']);

interface Provider {
  destination: Destination;
  /** As the header `host` has it. */
  host: string;
  credential: [name: string, value: string] | undefined;
  origin: string;
  sign: Signer | undefined;
}

export class HttpUpstream implements Upstream {
  readonly #agents = { 'http:': new HttpAgent(KEEP_ALIVE), 'https:': new HttpsAgent(KEEP_ALIVE) };
  readonly #providers = new Map<UpstreamName, Provider>();
  readonly #timeouts: UpstreamTimeouts;
  readonly #inFlight = new Set<Promise<void>>();
  #isClosed = false;

  /** Throws on an origin that is none. */
  constructor(targets: UpstreamTargets, timeouts: Partial<UpstreamTimeouts> = {}) {
    this.#timeouts = { ...TIMEOUTS, ...timeouts };
    for (const [name, { origin, apiKey, sign }] of Object.entries(targets) as [
      UpstreamName,
      UpstreamTarget,
    ][]) {
      const url = new URL(origin);
      const protocol = url.protocol === 'http:' ? 'http:' : 'https:';
      const { hostname, port } = urlToHttpOptions(url);
      this.#providers.set(name, {
        destination: { protocol, hostname, port, agent: this.#agents[protocol] },
        host: url.host,
        credential: apiKey === undefined ? undefined : CREDENTIAL[name](apiKey),
        origin,
        sign: apiKey === undefined ? sign : undefined,
      });
    }
  }

  /** The outcome of exactly one attempt. An answer's body goes on arriving after it; it errors if it is cut. */
  async send(name: UpstreamName, request: UpstreamRequest): Promise<UpstreamOutcome> {
    const provider = this.#providers.get(name);
    if (!provider) return { kind: 'not_sent', reason: `no address is set for the provider ${name}` };
    if (this.#isClosed) return { kind: 'not_sent', reason: 'closed' };
    if (request.signal.aborted) return { kind: 'not_sent', reason: 'aborted before it was sent' };

    const { method, path, signal } = request;
    const body = bufferOf(request.body ?? '');
    const headers = headersFor(provider, request, body.length);
    if (provider.sign) {
      try {
        headers.push(...(await signatureOf(provider.sign, provider.origin, request, body)));
      } catch (error) {
        return { kind: 'not_sent', reason: `it cannot be signed: ${describe(error as Error)}` };
      }
      if (signal.aborted) return { kind: 'not_sent', reason: 'aborted before it was sent' };
    }
    let exchange: Exchange;
    try {
      exchange = new Exchange(
        provider.destination,
        { method, path, headers, body },
        { signal, ...this.#timeouts },
      );
    } catch (error) {
      // A path or a header that HTTP cannot carry: Node refuses it before it looks for a connection.
      return { kind: 'not_sent', reason: describe(error as Error) };
    }
    const { over } = exchange;
    this.#inFlight.add(over);
    void over.then(() => this.#inFlight.delete(over));
    return exchange.outcome;
  }

  /** Ends once every call in flight has ended; leaves no connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#inFlight);
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

/** Over the same bytes: a body may be megabytes. */
const bufferOf = (body: string | Uint8Array<ArrayBuffer>): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);

/** Of the type of the body, too, which says how it is read. */
async function signatureOf(
  sign: Signer,
  origin: string,
  { method, path, headers }: UpstreamRequest,
  body: Uint8Array,
): Promise<string[]> {
  const signed = headers.filter(([name]) => name === 'content-type');
  return (await sign({ method, origin, path, headers: Object.fromEntries(signed), body })).flat();
}

/** Flat: name, value, name, value. */
function headersFor(
  { host, credential }: Provider,
  { method, headers }: UpstreamRequest,
  bodyBytes: number,
): string[] {
  const sent = ['host', host];
  for (const [name, value] of headers) if (!WITHHELD.has(name.toLowerCase())) sent.push(name, value);
  if (credential) sent.push(...credential);
  // Usage is read from the bytes as they pass: they must arrive as they are.
  sent.push('accept-encoding', 'identity');
  if (bodyBytes > 0 || !BODILESS_METHOD.has(method)) sent.push('content-length', String(bodyBytes));
  return sent;
}

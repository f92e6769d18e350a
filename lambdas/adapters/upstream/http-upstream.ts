/**
 * Port `Upstream` over HTTP/1.1 (undici). Sends once: no retry, no redirect, no pipelining, no HTTP/2 (whose
 * GOAWAY would allow a silent second send).
 *
 * Whether a failed call was sent is not guessed from error codes. undici calls `onRequestStart` right before
 * it writes a request to a connected socket; a failure before that moment is `not_sent`, every one after it
 * `no_answer`. So a refused port, an unknown name, a TLS failure and a connect time-out are all the former,
 * and a kept-alive socket that turns out to be dead is the latter: nobody can know what the provider saw.
 */
import type { Dispatcher } from 'undici';
import type { Upstream, UpstreamName, UpstreamOutcome, UpstreamRequest } from '../../core/ports.ts';
import { Agent } from './undici-agent.ts';

export interface UpstreamTarget {
  /** Scheme, host and port. Fixed at start; no part of it ever comes from a request. */
  origin: string;
  /** The provider's own key; undefined sends none (the simulated provider). */
  apiKey: string | undefined;
}
export type UpstreamTargets = Partial<Record<UpstreamName, UpstreamTarget>>;

export interface UpstreamTimeouts {
  connectMs: number;
  /** Until the status line; a reasoning model may think for ten minutes and more before it. */
  headersMs: number;
  /** Between two pieces of a body. */
  bodyMs: number;
}
/** Fifteen minutes is what API Gateway and Lambda allow a call. */
const TIMEOUTS: UpstreamTimeouts = { connectMs: 10_000, headersMs: 900_000, bodyMs: 900_000 };

/** An idle socket is kept for less time than any provider keeps its own side; a server's hint may lengthen it. */
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_MAX_MS = 30_000;
const RESPONSE_HEADER_BYTES_MAX = 128 * 1024;
const BODY_BUFFER_BYTES = 64 * 1024;

const CREDENTIAL: Record<UpstreamName, (apiKey: string) => [name: string, value: string]> = {
  openai: (apiKey) => ['authorization', `Bearer ${apiKey}`],
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

const BODILESS_STATUS = new Set([204, 205, 304]);

export class HttpUpstream implements Upstream {
  readonly #agent: InstanceType<typeof Agent>;
  readonly #targets: UpstreamTargets;

  constructor(targets: UpstreamTargets, timeouts: Partial<UpstreamTimeouts> = {}) {
    const { connectMs, headersMs, bodyMs } = { ...TIMEOUTS, ...timeouts };
    this.#targets = targets;
    this.#agent = new Agent({
      connect: { timeout: connectMs },
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
      maxHeaderSize: RESPONSE_HEADER_BYTES_MAX,
      pipelining: 1,
      allowH2: false,
    });
  }

  /** The outcome of exactly one attempt. An answer's body goes on arriving after it; it errors if it is cut. */
  async send(provider: UpstreamName, request: UpstreamRequest): Promise<UpstreamOutcome> {
    const target = this.#targets[provider];
    if (!target) return { kind: 'not_sent', reason: `no address is set for the provider ${provider}` };
    if (request.signal.aborted) return { kind: 'not_sent', reason: 'aborted before it was sent' };

    const exchange = new Exchange(request.signal);
    this.#agent.dispatch(
      {
        origin: target.origin,
        path: request.path,
        method: request.method,
        headers: headersFor(provider, target, request.headers),
        body: request.body ?? null,
      },
      exchange,
    );
    return exchange.outcome;
  }

  /** Ends once every call in flight has ended and every socket is closed. */
  async close(): Promise<void> {
    await this.#agent.close();
  }
}

/** Flat, as undici wants them: name, value, name, value. */
function headersFor(provider: UpstreamName, target: UpstreamTarget, asked: [string, string][]): string[] {
  const kept = asked.filter(([name]) => !WITHHELD.has(name.toLowerCase()));
  if (target.apiKey !== undefined) kept.push(CREDENTIAL[provider](target.apiKey));
  // Usage is read from the bytes as they pass: they must arrive as they are.
  kept.push(['accept-encoding', 'identity']);
  return kept.flat();
}

/** One request on its way. Resolves `outcome` once; afterwards feeds the body of the answer. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly outcome: Promise<UpstreamOutcome>;
  readonly #signal: AbortSignal;
  #resolve!: (outcome: UpstreamOutcome) => void;
  /** Set from the moment in which bytes may have left. */
  #sent: Dispatcher.DispatchController | undefined;
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(signal: AbortSignal) {
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    if (this.#sent) this.#sent.abort(new Error('aborted'));
    else this.#fail('aborted before it was sent');
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#signal.aborted) {
      controller.abort(new Error('aborted before it was sent'));
    } else if (this.#sent) {
      // undici does this only for pipelined requests, which we have not; were it to, this ends it unsent.
      controller.abort(new Error('the connection was lost, and a second send was stopped'));
    } else {
      this.#sent = controller;
    }
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (body) => {
          this.#body = body;
        },
        pull: () => controller.resume(),
        cancel: () => controller.abort(new Error('the answer is not wanted any more')),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BODY_BUFFER_BYTES }),
    );
    // Throws on a status that is none (600 and up); undici then aborts, and the call ends as `no_answer`.
    const response = new Response(BODILESS_STATUS.has(status) ? null : body, {
      status,
      headers: headerPairs(headers),
    });
    this.#resolve({ kind: 'answered', response });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#body!.enqueue(chunk);
    if (this.#body!.desiredSize! <= 0) controller.pause();
  }

  onResponseEnd(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#body?.close();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#body?.error(error);
    this.#fail(describe(error));
  }

  /** Once the outcome is `answered`, this changes nothing. */
  #fail(reason: string): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve({ kind: this.#sent ? 'no_answer' : 'not_sent', reason });
  }
}

function headerPairs(headers: Record<string, string | string[] | undefined>): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : value === undefined ? [] : [value]).map((one): [string, string] => [
      name,
      one,
    ]),
  );
}

/** For operators: what the socket said. Several addresses tried at once fail with several errors; one is enough. */
function describe(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code, message } = (first instanceof Error ? first : error) as Error & { code?: string };
  return code === undefined || message.includes(code) ? message : `${code}: ${message}`;
}

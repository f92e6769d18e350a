/** One call on Lambda, from its event to the end of its books. */
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import type { Readable } from 'node:stream';
import type { Gateway } from '../core/gateway.ts';
import type { Upstream } from '../core/ports.ts';
import { systemClock as clock } from '../runtime/clock.ts';
import { startDeadline, type Deadline } from '../runtime/deadline.ts';
import { operatorLine, withMetrics, type Log } from '../runtime/log.ts';
import { streamedAnswer, type StreamedAnswer } from '../runtime/rest-answer.ts';
import { gatewayUrl, requestFrom } from '../runtime/rest-event.ts';
import { createProxyApp } from './app.ts';
import { internalError } from './internal-error.ts';

export interface StreamingDeps {
  /** One a container; whatever it throws is answered as a failure of ours. */
  gateway: () => Gateway;
  log: Log;
}

const SERVICE = 'proxy';
const PATH_LENGTH_MAX = 200;

export class HostedCall {
  readonly #deps: StreamingDeps;
  readonly #event: APIGatewayProxyEvent;
  readonly #context: Context;
  readonly #deadline: Deadline;
  readonly #begunAt = clock.now();
  #completion = Promise.resolve();
  #answer: StreamedAnswer | undefined;
  #firstByteMs = 0;
  #ended: Promise<void> | undefined;

  constructor(deps: StreamingDeps, event: APIGatewayProxyEvent, context: Context) {
    this.#deps = deps;
    this.#event = event;
    this.#context = context;
    this.#deadline = startDeadline(context.getRemainingTimeInMillis(), clock);
  }

  async answer(): Promise<StreamedAnswer> {
    const gateway = this.#deps.gateway();
    const upstream = endedBy(gateway.upstream, this.#deadline.upstream);
    const app = createProxyApp(
      { ...gateway, upstream, requestUrl: gateway.requestUrl || grantsUrl(this.#event) },
      {
        onCompletion: (completion) => {
          this.#completion = completion.catch((error: unknown) => this.#report(error));
        },
      },
    );
    app.onError((error, { req }) => {
      this.#report(error);
      return internalError(req.raw.headers, this.#event.path);
    });
    const response = await app.fetch(requestFrom(this.#event, this.#deadline.client));
    return this.#begin(streamedAnswer(response));
  }

  /** The handler threw, and this is answered instead. */
  failed(error: unknown, answer: StreamedAnswer): StreamedAnswer {
    this.#report(error);
    return this.#begin(answer);
  }

  /** Aborts when nobody waits any longer for a client to read. */
  get patience(): AbortSignal {
    return this.#deadline.client;
  }

  /** Ends when the call is settled, or when it is too late for that. Safe to call again. */
  end(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  async #end(): Promise<void> {
    const tooLate = this.#deadline.last.then(() => 'too late' as const);
    if ((await Promise.race([this.#completion, tooLate])) === 'too late') {
      this.#report(new Error('not settled before the deadline: the collector presumes the hold spent'));
    }
    this.#deadline.clear();
    this.#deps.log(this.#line());
  }

  #begin(answer: StreamedAnswer): StreamedAnswer {
    this.#firstByteMs = clock.now() - this.#begunAt;
    this.#answer = answer;
    return answer;
  }

  #report(error: unknown): void {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const requestId = this.#context.awsRequestId;
    this.#deps.log(operatorLine(SERVICE, clock.now(), { kind: 'failed', requestId, reason }));
  }

  /** What the answer's headers say of the call, and how its body ended. The charge has the rest, under the same id. */
  #line(): Record<string, unknown> {
    const now = clock.now();
    const { statusCode, headers, body } = this.#answer!;
    return {
      kind: 'call',
      requestId: headers['x-spendcap-request-id'] ?? headers['x-request-id'] ?? headers['request-id'],
      lambdaRequestId: this.#context.awsRequestId,
      method: this.#event.httpMethod,
      path: this.#event.path.slice(0, PATH_LENGTH_MAX),
      status: statusCode,
      ending: endingOf(body),
      model: headers['x-spendcap-model'],
      priceVersion: headers['x-spendcap-price-version'],
      reservedUsd: headers['x-spendcap-reserved-usd'],
      costUsd: headers['x-spendcap-cost-usd'],
      replayed: headers['x-spendcap-replayed'],
      cap: headers['x-spendcap-cap'],
      stage: headers['x-spendcap-stage'],
      ...withMetrics(SERVICE, now, {
        Calls: 1,
        ServerErrors: statusCode >= 500 ? 1 : 0,
        FirstByteMs: this.#firstByteMs,
        DurationMs: now - this.#begunAt,
      }),
    };
  }
}

/** The same upstream, whose requests also end with this signal. */
const endedBy = (upstream: Upstream, signal: AbortSignal): Upstream => ({
  send: (provider, request) =>
    upstream.send(provider, { ...request, signal: AbortSignal.any([request.signal, signal]) }),
});

/** The default for where a person asks for more. */
function grantsUrl(event: APIGatewayProxyEvent): string {
  const url = gatewayUrl(event);
  return url === undefined ? '' : `${url}/v1/grants`;
}

function endingOf(body: Readable): string {
  return body.readableEnded ? 'whole' : `cut: ${body.errored?.message ?? 'the client left'}`;
}

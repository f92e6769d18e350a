/**
 * One request on its way, and its answer.
 *
 * Whether a failed call was sent is not guessed from error codes. Nothing is given to Node's request, not even its
 * headers, before the socket has said that it is connected, with TLS where there is TLS; a failure before that moment
 * is `not_sent`, every one after it `no_answer`. So a refused port, an unknown name, a TLS failure and a connect
 * time-out are all the former, and a kept-alive socket that turns out to be dead is the latter: nobody can know what
 * the provider saw.
 */
import { request as httpRequest, type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { UpstreamOutcome } from '../../core/ports.ts';

/** Where calls go, and by which connections. */
export interface Destination {
  protocol: 'http:' | 'https:';
  /** Name or address. */
  hostname: string | null | undefined;
  /** Undefined is the protocol's own. */
  port: string | number | null | undefined;
  agent: Agent;
}

export interface Sent {
  method: string;
  path: string;
  /** Name, value, name, value: all that is sent but `connection`. */
  headers: string[];
  body: Buffer;
}

export interface UpstreamTimeouts {
  /** Name, connection and TLS. */
  connectMs: number;
  /** Until the status line; a reasoning model may think for ten minutes and more before it. */
  headersMs: number;
  /** Between two pieces of a body. */
  bodyMs: number;
}

const RESPONSE_HEADER_BYTES_MAX = 128 * 1024;
const BODY_BUFFER_BYTES = 64 * 1024;
const BODILESS_STATUS = new Set([204, 205, 304]);

/** Resolves `outcome` once; afterwards feeds the body of the answer. */
export class Exchange {
  readonly outcome: Promise<UpstreamOutcome>;
  /** Resolves when the answer has ended, well or not; after it nothing of the call is left. */
  readonly over: Promise<void>;
  readonly #request: ClientRequest;
  readonly #limits: UpstreamTimeouts & { signal: AbortSignal };
  #resolve!: (outcome: UpstreamOutcome) => void;
  #resolveOver!: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Set before the first byte is written. */
  #isSent = false;
  #isWhollySent = false;
  #isAnswered = false;
  #isOver = false;
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;

  /** Throws on a path or header that HTTP cannot carry. */
  constructor(to: Destination, { body, ...head }: Sent, limits: UpstreamTimeouts & { signal: AbortSignal }) {
    this.outcome = new Promise((resolve) => (this.#resolve = resolve));
    this.over = new Promise((resolve) => (this.#resolveOver = resolve));
    this.#limits = limits;

    const isTls = to.protocol === 'https:';
    // `timeout: 0`: the agent's is for idle sockets, the limits of a call are kept here.
    const options = { ...to, ...head, maxHeaderSize: RESPONSE_HEADER_BYTES_MAX, timeout: 0 };
    this.#request = (isTls ? httpsRequest : httpRequest)(options);
    this.#request.on('socket', (socket) => this.#onSocket(socket, isTls ? 'secureConnect' : 'connect', body));
    this.#request.on('finish', () => (this.#isWhollySent = true));
    this.#request.on('response', (answer) => this.#onAnswer(answer));
    // Also of the connection while a body arrives. It may come again when all is over.
    this.#request.on('error', (error) => this.#fail(error));
    this.#request.on('close', () => {
      if (!this.#isAnswered) this.#fail('the connection was closed without an answer');
    });

    limits.signal.addEventListener('abort', this.#onAbort);
    this.#limit(limits.connectMs, 'no connection');
  }

  readonly #onAbort = (): void => this.#fail(this.#isSent ? 'aborted' : 'aborted before it was sent');

  #onSocket(socket: Socket, connected: 'connect' | 'secureConnect', body: Buffer): void {
    // Node may take a socket from its pool that was closed a moment ago, and then wait for it for ever.
    if (socket.destroyed) this.#fail('the kept connection was just closed');
    else if (this.#request.reusedSocket) this.#send(body);
    else socket.once(connected, () => this.#send(body));
  }

  #send(body: Buffer): void {
    if (this.#isOver) return;
    this.#isSent = true;
    this.#limit(this.#limits.headersMs, 'no answer');
    this.#request.end(body);
  }

  /** Informational answers (1xx) do not come here: Node has another event for them. */
  #onAnswer(answer: IncomingMessage): void {
    if (this.#isOver) return;
    this.#isAnswered = true;
    this.#limit(this.#limits.bodyMs, 'no more of the answer', () => answer.isPaused());
    answer.on('end', () => this.#onEnd(answer));
    // One of these two comes for every answer that does not end.
    const onCut = (): void => this.#fail('the connection was closed within the answer');
    answer.on('error', onCut);
    answer.on('close', onCut);

    const status = answer.statusCode!;
    const hasBody = !BODILESS_STATUS.has(status);
    const body = hasBody ? this.#bodyOf(answer) : null;
    if (!hasBody) answer.resume();
    try {
      const response = new Response(body, { status, headers: pairs(answer.rawHeaders) });
      this.#resolve({ kind: 'answered', response });
    } catch (error) {
      this.#fail(error as Error); // a status that is none: 600 and up
    }
  }

  #bodyOf(answer: IncomingMessage): ReadableStream<Uint8Array> {
    answer.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#timer!.refresh();
      this.#body!.enqueue(chunk);
      if (this.#body!.desiredSize! <= 0) answer.pause();
    });
    return new ReadableStream<Uint8Array>(
      {
        start: (body) => {
          this.#body = body;
        },
        pull: () => {
          if (!answer.isPaused()) return;
          this.#timer!.refresh();
          answer.resume();
        },
        cancel: () => {
          this.#body = undefined;
          this.#fail('the answer is not wanted any more');
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BODY_BUFFER_BYTES }),
    );
  }

  #onEnd(answer: IncomingMessage): void {
    if (this.#isOver) return;
    if (!answer.complete) {
      this.#fail('the answer ended before it was complete');
      return;
    }
    // Answered before all of the request had left: nobody waits for the rest, and no other call may come behind it.
    if (!this.#isWhollySent) this.#request.socket?.destroy();
    this.#end();
    this.#body?.close();
  }

  /** Once the outcome is known, this changes nothing of it. */
  #fail(why: string | Error): void {
    if (this.#isOver) return;
    this.#end();
    const error = typeof why === 'string' ? new Error(why) : why;
    this.#body?.error(error);
    this.#resolve({ kind: this.#isSent ? 'no_answer' : 'not_sent', reason: describe(error) });
    this.#request.destroy();
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#limits.signal.removeEventListener('abort', this.#onAbort);
    this.#resolveOver();
  }

  /** In place of the limit before it. */
  #limit(ms: number, missing: string, isOurTurn = (): boolean => false): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!isOurTurn()) this.#fail(`${missing} within ${ms} ms`);
    }, ms);
  }
}

/** Node has names and values in one list, in the order in which they came. */
function pairs(rawHeaders: string[]): [string, string][] {
  return rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1]!]] : [],
  );
}

/** For operators: what the socket said. Several addresses tried at once fail with several errors; one is enough. */
export function describe(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code, message } = (first instanceof Error ? first : error) as Error & { code?: string };
  return code === undefined || message.includes(code) ? message : `${code}: ${message}`;
}

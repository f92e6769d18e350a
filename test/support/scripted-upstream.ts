/**
 * The port Upstream, scripted: tests decide what comes back and when, down to the chunk. It is here for the
 * interleavings that a real server does not give on demand; http-upstream.test.ts has the real one.
 */
import type { Upstream, UpstreamName, UpstreamOutcome, UpstreamRequest } from '../../lambdas/core/ports.ts';

export type Script = (request: UpstreamRequest) => UpstreamOutcome | Promise<UpstreamOutcome>;

export interface SentRequest extends Omit<UpstreamRequest, 'body'> {
  provider: UpstreamName;
  body: string | undefined;
  /** Of a body that is no text. */
  bytes?: Uint8Array;
}

export class ScriptedUpstream implements Upstream {
  /** Every request that a provider would have seen, in order. */
  readonly sent: SentRequest[] = [];
  private readonly scripts: Script[] = [];
  private readonly waiting: { count: number; resolve: () => void }[] = [];

  /** One script for each call to come. */
  next(...scripts: Script[]): void {
    this.scripts.push(...scripts);
  }

  /** Resolves when so many requests were sent in all. */
  hasSent(count: number): Promise<void> {
    if (this.sent.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ count, resolve }));
  }

  async send(provider: UpstreamName, request: UpstreamRequest): Promise<UpstreamOutcome> {
    const { body } = request;
    this.sent.push(
      typeof body === 'object'
        ? { ...request, provider, body: undefined, bytes: body }
        : { ...request, provider, body },
    );
    for (const { count, resolve } of this.waiting) if (this.sent.length >= count) resolve();
    const script = this.scripts.shift();
    if (!script) throw new Error(`nobody scripted an answer to ${request.path}`);
    return script(request);
  }
}

type HeaderPairs = Record<string, string>;

/** A plain answer with exactly this text. */
export const plain =
  (text: string, { status = 200, headers = {} }: { status?: number; headers?: HeaderPairs } = {}): Script =>
  () => ({
    kind: 'answered',
    response: new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } }),
  });

/** A stream of these frames, whole at once. */
export const streamed =
  (frames: readonly string[], headers: HeaderPairs = {}): Script =>
  () => ({
    kind: 'answered',
    response: new Response(frames.join(''), { headers: { 'content-type': 'text/event-stream', ...headers } }),
  });

export const notSent: Script = () => ({ kind: 'not_sent', reason: 'connection refused' });
export const noAnswer: Script = () => ({ kind: 'no_answer', reason: 'timed out' });

/** A body that tests write chunk by chunk. It ends in error when our side aborts the request, as HTTP does. */
export class LiveAnswer {
  private readonly contentType: string;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  private readonly body: ReadableStream<Uint8Array>;
  /** Set once the gateway aborted the upstream request. */
  wasAborted = false;

  constructor(contentType: 'text/event-stream' | 'application/json' = 'text/event-stream') {
    this.contentType = contentType;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.controller = controller;
      },
    });
  }

  readonly script: Script = ({ signal }) => {
    signal.addEventListener('abort', () => {
      this.wasAborted = true;
      this.controller.error(signal.reason);
    });
    return {
      kind: 'answered',
      response: new Response(this.body, { headers: { 'content-type': this.contentType } }),
    };
  };

  write(text: string): void {
    this.controller.enqueue(new TextEncoder().encode(text));
  }
  end(): void {
    this.controller.close();
  }
  breakOff(): void {
    this.controller.error(new Error('connection reset'));
  }
}

/** An answer whose very status lets wait. */
export class LateAnswer {
  private resolve!: (outcome: UpstreamOutcome | Promise<UpstreamOutcome>) => void;
  private request: UpstreamRequest | undefined;
  private readonly outcome = new Promise<UpstreamOutcome>((resolve) => {
    this.resolve = resolve;
  });

  readonly script: Script = (request) => {
    this.request = request;
    request.signal.addEventListener('abort', () => {
      this.resolve({ kind: 'no_answer', reason: 'aborted' });
    });
    return this.outcome;
  };

  arrive(script: Script): void {
    if (!this.request) throw new Error('the request was not sent yet');
    this.resolve(script(this.request));
  }
}

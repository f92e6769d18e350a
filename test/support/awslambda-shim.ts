/**
 * `awslambda` as Lambda's runtime client (aws-lambda-ric 4) gives it to functions that stream, and the wire behind it:
 * type, one line of JSON before the first write, eight zero bytes, then the body, and the error of a handler that
 * failed in trailers. The facts that it shares with the real client: test/hosts/wire-facts.ts, which `npm run test:aws`
 * holds against that client. What it leaves out: HTTP and its buffers, the limits on size and speed, and the promises
 * that the client leaves rejected, with nobody to await them, when its connection breaks.
 */
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Ends } from '../hosts/wire-facts.ts';

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
export const INTEGRATION_TYPE = 'application/vnd.awslambda.http-integration-response';
const DEFAULT_TYPE = 'application/octet-stream';

/** Must run before a module is loaded that makes a streaming handler. */
export function installAwsLambda(): void {
  const awslambda = {
    streamifyResponse: (handler: object) => Object.assign(handler, { [STREAMING]: 'response' }),
    HttpResponseStream: {
      from(stream: StreamToLambda, prelude: unknown): StreamToLambda {
        stream.setContentType(INTEGRATION_TYPE);
        stream._onBeforeFirstWrite = (write) => {
          write(JSON.stringify(prelude));
          write(new Uint8Array(8));
        };
        return stream;
      },
    },
  };
  Object.assign(globalThis, { awslambda });
}

/** All that a handler gets of the stream: the client hands out these members, and no `Writable`. */
export const METHODS = [
  ...['cork', 'destroy', 'end', 'uncork', 'write', 'addListener', 'on', 'once', 'prependListener'],
  ...['prependOnceListener', 'off', 'removeListener', 'removeAllListeners', 'setMaxListeners'],
  ...[
    'getMaxListeners',
    'listeners',
    'rawListeners',
    'listenerCount',
    'eventNames',
    'emit',
    'setContentType',
  ],
] as const;
export const PROPERTIES = [
  ...['destroyed', '_onBeforeFirstWrite', 'writableFinished', 'writableObjectMode', 'writableEnded'],
  ...['writableNeedDrain', 'writableHighWaterMark', 'writableCorked', 'writableLength', 'writable'],
] as const;
type StreamToLambda = Pick<ResponseWire, 'setContentType' | '_onBeforeFirstWrite'>;

/** The other end of the stream, as Lambda sees it. */
export class ResponseWire extends Writable {
  contentType = DEFAULT_TYPE;
  _onBeforeFirstWrite: ((write: (data: string | Uint8Array) => void) => void) | undefined;
  /** Non-empty pieces of the body, in the order in which they were written. */
  readonly pieces: { bytes: Buffer; atMs: number }[] = [];
  private readonly begunAt = performance.now();
  private hasBegun = false;
  private isStalled = false;
  private readonly head: Uint8Array[] = [];
  private readonly waiting: { count: number; resolve: () => void }[] = [];

  constructor() {
    super();
    this.on('error', () => undefined); // the client listens too; a handler need not
  }

  setContentType(type: string): void {
    if (this.hasBegun) throw new Error('Cannot set content-type, too late.');
    this.contentType = type;
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    if (this.isStalled) return;
    if (chunk.length > 0) {
      this.pieces.push({ bytes: Buffer.from(chunk), atMs: performance.now() - this.begunAt });
      for (const { count, resolve } of this.waiting) if (this.pieces.length >= count) resolve();
    }
    done();
  }

  /** What the handler gets. */
  stream(): object {
    const stream = {};
    const methods = this as unknown as Record<string, (...values: unknown[]) => unknown>;
    for (const name of METHODS) {
      const act = (...values: unknown[]): unknown => {
        if (name === 'write') this.begin();
        return methods[name]!(...values);
      };
      Object.assign(stream, { [name]: act });
    }
    for (const name of PROPERTIES) {
      const set = (value: unknown): void => void Object.assign(this, { [name]: value });
      const isOpen = name === 'destroyed' || name === '_onBeforeFirstWrite';
      Object.defineProperty(stream, name, { get: () => this[name], ...(isOpen && { set }) });
    }
    return stream;
  }

  /** The prelude goes with the first write; `end` is none, whatever it is given. */
  private begin(): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    this._onBeforeFirstWrite?.((data) => this.head.push(Buffer.from(data as Uint8Array)));
  }

  /** How the invocation ends for Lambda once the handler has. */
  async ends(handled: Promise<unknown>): Promise<Ends> {
    try {
      await handled;
    } catch {
      if (this.writableEnded) return 'clean'; // trailers are too late
      if (!this.destroyed) this.end();
      return this.destroyed ? 'lost' : 'error';
    }
    // A handler that never ends its stream is waited for, as the client does.
    return finished(this).then(
      () => 'clean' as const,
      () => 'lost' as const,
    );
  }

  /** Resolves when so many pieces of the body were written. */
  hasPieces(count: number): Promise<void> {
    if (this.pieces.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ count, resolve }));
  }

  /** All bytes that left, in order. */
  bytes(): Buffer {
    return Buffer.concat([...this.head, ...this.pieces.map(({ bytes }) => bytes)]);
  }

  /** The connection is gone. */
  cut(): void {
    this.destroy(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
  }

  /** Nobody reads any more. */
  stall(): void {
    this.isStalled = true;
  }
}

export interface Wire {
  prelude: {
    statusCode: number;
    headers: Record<string, string>;
    multiValueHeaders?: Record<string, string[]>;
  };
  body: string;
}

/** Takes the bytes apart as API Gateway does: at the first eight zero bytes. */
export function takeApart(bytes: Buffer): Wire {
  const at = bytes.indexOf(Buffer.alloc(8));
  if (at === -1) throw new Error(`no prelude in ${bytes.length} bytes`);
  const prelude = JSON.parse(bytes.subarray(0, at).toString()) as Wire['prelude'];
  return { prelude, body: bytes.subarray(at + 8).toString() };
}

/**
 * `awslambda` as Lambda's runtime gives it to functions that stream, and the wire behind it: type, one line of JSON
 * before the first write, eight zero bytes, then the body. What it leaves out: trailers after an error, and the limits
 * on size and speed. The facts that it must share with the real runtime client: test/hosts/wire-facts.ts.
 */
import { Writable } from 'node:stream';

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
export const INTEGRATION_TYPE = 'application/vnd.awslambda.http-integration-response';

/** Must run before a module is loaded that makes a streaming handler. */
export function installAwsLambda(): void {
  const awslambda = {
    streamifyResponse: (handler: object) => Object.assign(handler, { [STREAMING]: 'response' }),
    HttpResponseStream: {
      from(stream: ResponseWire, prelude: unknown): ResponseWire {
        stream.setContentType(INTEGRATION_TYPE);
        stream.beforeFirstWrite = (write) => {
          write(JSON.stringify(prelude));
          write(new Uint8Array(8));
        };
        return stream;
      },
    },
  };
  Object.assign(globalThis, { awslambda });
}

export class ResponseWire extends Writable {
  contentType = 'application/octet-stream';
  beforeFirstWrite: ((write: (data: string | Uint8Array) => void) => void) | undefined;
  /** Non-empty pieces of the body, in the order in which they were written. */
  readonly pieces: { text: string; atMs: number }[] = [];
  private readonly begunAt = performance.now();
  private hasBegun = false;
  private readonly head: Uint8Array[] = [];
  private readonly waiting: { count: number; resolve: () => void }[] = [];

  setContentType(type: string): void {
    if (this.hasBegun) throw new Error('the content type cannot be set after the first write');
    this.contentType = type;
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    if (!this.hasBegun) {
      this.hasBegun = true;
      this.beforeFirstWrite?.((data) => this.head.push(Buffer.from(data as Uint8Array)));
    }
    if (chunk.length > 0) {
      this.pieces.push({ text: Buffer.from(chunk).toString(), atMs: performance.now() - this.begunAt });
      for (const { count, resolve } of this.waiting) if (this.pieces.length >= count) resolve();
    }
    done();
  }

  /** Resolves when so many pieces of the body were written. */
  hasPieces(count: number): Promise<void> {
    if (this.pieces.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ count, resolve }));
  }

  /** All bytes that left, in order. */
  bytes(): Buffer {
    return Buffer.concat([...this.head, ...this.pieces.map(({ text }) => Buffer.from(text))]);
  }

  /** The client's connection is gone, as a pipe without a reader tells it. */
  cut(): void {
    this.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
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

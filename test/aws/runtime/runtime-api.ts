/**
 * Lambda's side of the Runtime API (2018-06-01), for one container: it hands out invocations one by one and takes what
 * the runtime client makes of each. What it leaves out: buffered answers, extensions, the limits on size and speed, and
 * everything between Lambda and API Gateway.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ends } from '../../hosts/wire-facts.ts';

const PREFIX = '/2018-06-01/runtime/';
const DELIMITER = Buffer.alloc(8);
const ERROR_TYPE = 'lambda-runtime-function-error-type';
const ERROR_BODY = 'lambda-runtime-function-error-body';
const LATE_MS = 1000;

export class Invocation {
  readonly id = randomUUID();
  readonly event: unknown;
  readonly lastsMs: number;
  contentType = '';
  mode = '';
  /** Pieces of the body, each a chunk of its own on the wire. */
  readonly pieces: { bytes: number; atMs: number }[] = [];
  /** What the runtime told for the invocation's error. */
  error: string | undefined;
  ends: Ends = 'lost';
  /** `next`: the container asked for more work. `exit`: it died, of itself or at the deadline. */
  readonly over: Promise<'next' | 'exit'>;
  overAtMs = 0;
  end!: (how: 'next' | 'exit') => void;
  readonly #chunks: Buffer[] = [];
  #connection: IncomingMessage | undefined;
  #answered!: () => void;
  #begunAt = performance.now();
  #isCutAtFirstPiece = false;

  constructor(event: unknown, lastsMs: number) {
    this.event = event;
    this.lastsMs = lastsMs;
    const asked = new Promise<'next' | 'exit'>((resolve) => (this.end = resolve));
    const answered = new Promise<void>((resolve) => (this.#answered = resolve));
    this.over = asked.then(async (how) => {
      // They are two connections: the answer's last bytes may come after the question for more work.
      await Promise.race([answered, sleep(LATE_MS, undefined, { ref: false })]);
      this.overAtMs = this.#ms();
      return how;
    });
  }

  begin(): void {
    this.#begunAt = performance.now();
  }

  /** The connection breaks as soon as a piece of the body is here. */
  cutAtFirstPiece(): void {
    this.#isCutAtFirstPiece = true;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  answer(incoming: IncomingMessage, response: ServerResponse): void {
    this.#connection = incoming;
    this.contentType = incoming.headers['content-type'] ?? '';
    this.mode = String(incoming.headers['lambda-runtime-function-response-mode']);
    incoming.on('data', (chunk: Buffer) => this.#take(chunk));
    incoming.on('error', () => undefined); // told by `close`
    incoming.once('end', () => {
      this.#readTrailers(incoming);
      response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    });
    incoming.once('close', this.#answered);
  }

  #take(chunk: Buffer): void {
    const hasHead = this.bytes().includes(DELIMITER);
    this.#chunks.push(chunk);
    if (!hasHead) return;
    this.pieces.push({ bytes: chunk.length, atMs: this.#ms() });
    if (this.#isCutAtFirstPiece) this.#connection!.socket.destroy();
  }

  #readTrailers({ trailers }: IncomingMessage): void {
    const type = trailers[ERROR_TYPE];
    this.ends = type === undefined ? 'clean' : 'error';
    if (type === undefined) return;
    const told = Buffer.from(String(trailers[ERROR_BODY]), 'base64').toString();
    this.error = `${type}: ${(JSON.parse(told) as { errorMessage: string }).errorMessage}`;
  }

  #ms(): number {
    return Math.round(performance.now() - this.#begunAt);
  }
}

export interface RuntimeApi {
  /** Host and port, as the client wants them. */
  address: string;
  /** Waits until the container asks for work. */
  send(invocation: Invocation): void;
  /** The container is gone: whatever it was at is over. */
  containerDied(): void;
  close(): Promise<void>;
}

/** @param initFailed told when the function could not even be loaded. */
export async function startRuntimeApi(initFailed: (why: string) => void): Promise<RuntimeApi> {
  let waiting: ServerResponse | undefined;
  let current: Invocation | undefined;
  const queue: Invocation[] = [];
  const byPath = new Map<string, Invocation>();

  const handOut = (): void => {
    if (!waiting || queue.length === 0) return;
    current = queue.shift()!;
    byPath.set(`invocation/${current.id}/response`, current);
    current.begin();
    waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': current.id,
      'lambda-runtime-deadline-ms': String(Date.now() + current.lastsMs),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:proxy',
      'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000;Sampled=0',
    });
    waiting.end(JSON.stringify(current.event));
    waiting = undefined;
  };

  const server = createServer((incoming, response) => {
    const path = incoming.url!.slice(PREFIX.length);
    const answered = byPath.get(path);
    if (path === 'invocation/next') {
      waiting = response;
      current?.end('next');
      current = undefined;
      handOut();
    } else if (answered) {
      answered.answer(incoming, response);
    } else {
      void readText(incoming).then((text) => {
        if (path === 'init/error') initFailed(text);
        response.writeHead(path.endsWith('/error') ? 202 : 404).end('{}');
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    send: (invocation) => {
      queue.push(invocation);
      handOut();
    },
    containerDied: () => {
      waiting = undefined;
      current?.end('exit');
      current = undefined;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

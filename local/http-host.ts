/**
 * A fetch-shaped app on a port, which can be stopped without cutting anybody off: connections without a call
 * are closed at once, the others after their answer has left.
 */
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { constants, createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import { createAdaptorServer, type Http2Bindings, type HttpBindings } from '@hono/node-server';
import { twoProtocols } from './two-protocols.ts';

export interface HttpHost {
  /** Scheme, host and port. */
  url: string;
  /** Stops listening at once; ends when the last answer has left. */
  stop: () => Promise<void>;
}

export interface HttpHostOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  fetch: (request: Request) => Response | Promise<Response>;
  /** Told when an answer was cut because its body broke. */
  report: (reason: string) => void;
}

/** The port cannot be had; the message says what to do. */
export class CannotListen extends Error {
  override name = 'CannotListen';
}

/** Longer than clients keep idle connections, so that none sends a call into one that we are closing. */
const KEEP_ALIVE_MS = 75_000;

export async function startHttpHost({ host, port, fetch, report }: HttpHostOptions): Promise<HttpHost> {
  // The flow's Response objects are the platform's own, here as on Lambda.
  const options = {
    fetch: async (request: Request, { outgoing }: HttpBindings | Http2Bindings) => {
      if ('stream' in outgoing) withoutConnectionHeaders(outgoing);
      return cutWhereItBreaks(streamedAtOnce(await fetch(request)), (reason) => {
        report(reason);
        cutOff(outgoing);
      });
    },
    overrideGlobalObjects: false,
  };
  const http1 = createAdaptorServer(options) as Server;
  http1.keepAliveTimeout = KEEP_ALIVE_MS;
  const http2 = createAdaptorServer({ ...options, createServer: createHttp2Server }) as Http2Server;
  const { front, closeSessions } = twoProtocols(http1, http2);
  const connections = new Connections(front, { http1, http2 });
  await listening(front, { host, port });
  const { port: taken } = front.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    stop: () =>
      new Promise((resolve) => {
        // Not http.Server's own close: it also destroys connections whose answer is written but has not left.
        front.close(() => resolve());
        connections.closeWhenIdle();
        closeSessions();
      }),
  };
}

const STREAMED = /^(?:text\/event-stream|application\/vnd\.amazon\.eventstream|audio\/)/;

/**
 * Without this header the adaptor waits for a second piece of the body before it sends the first; where the body breaks
 * meanwhile, the client sees no answer at all, and asks and pays again.
 */
function streamedAtOnce(response: Response): Response {
  if (STREAMED.test(response.headers.get('content-type') ?? ''))
    response.headers.set('transfer-encoding', 'chunked');
  return response;
}

/** Over HTTP/2 a stream that is just destroyed ends as if it were whole. */
function cutOff(outgoing: HttpBindings['outgoing'] | Http2Bindings['outgoing']): void {
  if ('stream' in outgoing) outgoing.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else outgoing.destroy();
}

/** That header is of HTTP/1.1 alone. */
function withoutConnectionHeaders(outgoing: Http2Bindings['outgoing']): void {
  const writeHead = outgoing.writeHead.bind(outgoing) as WriteHead;
  const filtered: WriteHead = (status, headers) => {
    delete headers['transfer-encoding'];
    return writeHead(status, headers);
  };
  outgoing.writeHead = filtered as typeof outgoing.writeHead;
}

type WriteHead = (status: number, headers: OutgoingHttpHeaders) => Http2Bindings['outgoing'];

/** The adaptor would cut the client off as well, and print a trace that says no more than the reason. */
function cutWhereItBreaks(response: Response, cut: (reason: string) => void): Response {
  if (!response.body) return response;
  const reader = response.body.getReader();
  let hasClientLeft = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(to) {
        try {
          const { done, value } = await reader.read();
          if (hasClientLeft) return; // what it left is closed already
          if (done) to.close();
          else to.enqueue(value);
        } catch (error) {
          // Left open: the adaptor lets go of it when the connection closes.
          cut(error instanceof Error ? error.message : String(error));
        }
      },
      cancel: (reason) => {
        hasClientLeft = true;
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}

class Connections {
  /** How many answers each open connection still owes. */
  readonly #owed = new Map<Socket, number>();
  #closing = false;

  constructor(front: TcpServer, { http1, http2 }: { http1: Server; http2: Http2Server }) {
    front.on('connection', (socket: Socket) => {
      this.#owed.set(socket, 0);
      socket.once('close', () => this.#owed.delete(socket));
    });
    // Of these the sessions are closed.
    http2.on('connection', (socket: Socket) => this.#owed.delete(socket));
    http1.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#owed.set(socket, (this.#owed.get(socket) ?? 0) + 1);
      response.once('close', () => {
        const left = (this.#owed.get(socket) ?? 1) - 1;
        if (this.#owed.has(socket)) this.#owed.set(socket, left);
        if (this.#closing && left === 0) socket.destroySoon();
      });
    });
  }

  closeWhenIdle(): void {
    this.#closing = true;
    for (const [socket, owed] of this.#owed) if (owed === 0) socket.destroySoon();
  }
}

function listening(server: TcpServer, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    server.listen(port, host, () => resolve());
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const advice: Record<string, string> = {
    EADDRINUSE: `Port ${port} of ${host} is in use; stop what uses it, or set PORT to another.`,
    EACCES: `Port ${port} needs more rights; set PORT to one above 1023.`,
    EADDRNOTAVAIL: `${host} is no address of this machine; set HOST to one, such as 127.0.0.1.`,
    ENOTFOUND: `${host} is no address of this machine; set HOST to one, such as 127.0.0.1.`,
  };
  const message = advice[error.code ?? ''];
  return message === undefined ? error : new CannotListen(message);
}

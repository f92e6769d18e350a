/** Providers that speak HTTP, TLS or single bytes as they are told, and the adapter that calls them. Gone after each test. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import type { UpstreamTimeouts } from '../../lambdas/adapters/upstream/exchange.ts';
import { HttpUpstream } from '../../lambdas/adapters/upstream/http-upstream.ts';
import type { UpstreamOutcome, UpstreamRequest } from '../../lambdas/core/ports.ts';

export const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => unknown;

export interface HttpServer {
  origin: string;
  /** What reached it, and over which connections. */
  requests: IncomingMessage[];
  connections: Set<Socket>;
}

/** Speaks HTTP for us, and counts what reached it. */
export async function httpServer(answer: Answer): Promise<HttpServer> {
  return counted('http', answer, createServer());
}

/** The same over TLS, with a certificate that nobody vouches for. */
export async function httpsServer(answer: Answer): Promise<HttpServer> {
  return counted('https', answer, createHttpsServer({ key: KEY, cert: CERTIFICATE }));
}

async function counted(scheme: string, answer: Answer, server: Server): Promise<HttpServer> {
  const requests: IncomingMessage[] = [];
  const connections = new Set<Socket>();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request);
    connections.add(request.socket);
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => (body += text));
    request.on('end', () => answer(request, response, body));
    request.on('error', () => undefined);
  });
  return { origin: `${scheme}://127.0.0.1:${await listen(server)}`, requests, connections };
}

/** Accepts connections and says what it is told, byte by byte. */
export async function rawServer(onConnection: (socket: Socket, index: number) => void): Promise<number> {
  let index = 0;
  return listen(createTcpServer((socket) => onConnection(socket, index++)));
}

/** Says this to every request, and nothing else. */
export async function saying(text: string): Promise<string> {
  const port = await rawServer((socket) => socket.on('data', () => socket.write(text, 'latin1')));
  return `http://127.0.0.1:${port}`;
}

export function upstreamTo(origin: string, timeouts: Partial<UpstreamTimeouts> = {}): HttpUpstream {
  const upstream = new HttpUpstream({ openai: { origin, apiKey: 'sk-provider' } }, timeouts);
  cleanups.push(() => upstream.close());
  return upstream;
}

export const post = (changes: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  method: 'POST',
  path: '/v1/chat/completions',
  headers: [['content-type', 'application/json']],
  body: '{"model":"gpt-4o"}',
  signal: new AbortController().signal,
  ...changes,
});

export function answered(outcome: UpstreamOutcome): Response {
  if (outcome.kind !== 'answered') throw new Error(`${outcome.kind}: ${outcome.reason}`);
  return outcome.response;
}

/** For tests of localhost only, made for them: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes`. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYkyayAwSXkLR8hg3
odWwnyuQeYG05O5/UiJW4f6GSXihRANCAAQxh7tkrP+dKU8QMFbQpPXqwmpXOpXq
KZTZn56jOKOuKq8ODBA7zwCj5BZQ3Z2JD81Tn7Okn/k6dcZw8LFgmP/n
-----END PRIVATE KEY-----`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUHjhb1dQmwAijhbx9GbP7xwMmIEQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTExMTIwMFoYDzIxMjYxMTAx
MTExMjAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQxh7tkrP+dKU8QMFbQpPXqwmpXOpXqKZTZn56jOKOuKq8ODBA7zwCj
5BZQ3Z2JD81Tn7Okn/k6dcZw8LFgmP/no28wbTAdBgNVHQ4EFgQUkOsndPSE73M/
TKQSKAyJ4a/qPYUwHwYDVR0jBBgwFoAUkOsndPSE73M/TKQSKAyJ4a/qPYUwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAPPo+6JPUzj3Ae83kXn0MQf4+CNrbHPK0bodwisr2zKfAiA0
gSw0ZCPCsAyfaxT4oIB0fyP0EWUb7OgjUrOkBeSXvA==
-----END CERTIFICATE-----`;

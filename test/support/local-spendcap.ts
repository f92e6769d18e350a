/**
 * The real local server on loopback for tests of clients, with the simulated provider behind it. What each client
 * sends is counted where it arrives, so that the clients themselves stay as they are published.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { vi } from 'vitest';
import { durationMs } from '../../lambdas/core/brands.ts';
import { parsePolicy, type PolicyInput } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer } from '../../local/server.ts';
import type { SimulatedProvider } from '../../local/simulated-provider/server.ts';

/** A request of a client, as it reached the gateway. */
export interface Arrival {
  method: string;
  path: string;
  /** On this process's monotonic clock. */
  atMs: number;
  /** Of the answer; 200 while there is none. */
  status: () => number;
  /** Of the answer, as it was sent. */
  header: (name: string) => string | undefined;
}

/** A cap of one user; a month of dollars where nothing else is said. */
export interface UserCap {
  metric?: string;
  window?: string;
  limit: string;
  thresholds?: object;
  overage?: string;
  ladder?: string;
}

/** A charge as `GET /v1/requests/{id}` and `GET /admin/v1/usage` show it (contract 6). */
export interface ChargeWire {
  request_id: string;
  outcome: string;
  cost_usd: string;
  reserved_usd: string;
  user: string | null;
}

/** A user with a key of their own, whom nobody else's calls disturb. */
export interface Caller {
  user: string;
  key: string;
  /** Every request with this key, oldest first. */
  arrivals(): Arrival[];
  /** The charge of a call, as soon as there is one. */
  chargeOf(requestId: string): Promise<ChargeWire>;
  /** The caller's only charge, for calls whose id no answer told. */
  onlyCharge(): Promise<ChargeWire>;
}

export interface LocalSpendcap {
  url: string;
  provider: SimulatedProvider;
  /** The caps hold for this caller alone. */
  newCaller(caps: UserCap[]): Promise<Caller>;
  /** Changes the caps that the caller was made with. */
  setCaps(caller: Caller, caps: UserCap[]): Promise<void>;
  newKey(key: object): Promise<string>;
  /** Asks the admin API; throws where it refuses. */
  admin<T>(method: string, path: string, body?: object): Promise<T>;
  arrivals: (key: string) => Arrival[];
  close(): Promise<void>;
}

export interface LocalSpendcapOptions {
  policy?: PolicyInput;
  /** Silence before a comment or white space is sent, in milliseconds. */
  keepAliveMs?: number;
}

const CHANNEL = 'http.server.request.start';

export async function startSpendcap({
  policy = { plans: {} },
  keepAliveMs,
}: LocalSpendcapOptions = {}): Promise<LocalSpendcap> {
  const server = await startLocalServer({
    host: '127.0.0.1',
    port: 0,
    dataDirectory: undefined,
    adminKey: undefined,
    upstreams: {},
    policy: parsePolicy(policy),
    report: () => undefined,
    ...(keepAliveMs !== undefined && {
      timing: { streamKeepAlive: durationMs(keepAliveMs), plainKeepAlive: durationMs(keepAliveMs) },
    }),
  });
  const watch = watchArrivals(server.url);
  const admin = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${server.url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  const newKey = async (key: object): Promise<string> =>
    (await admin<{ key: string }>('POST', '/keys', { app: 'web', team: 'growth', ...key })).key;

  const putCaps = async (user: string, caps: UserCap[]): Promise<void> => {
    for (const [i, { metric = 'usd', window = 'month', ...cap }] of caps.entries()) {
      const scope = { type: 'user', id: user };
      const input = { scope, metric, ...(metric !== 'concurrent' && { window }), ...cap };
      await admin('PUT', `/caps/${user}-${i}`, input);
    }
  };

  let users = 0;
  return {
    url: server.url,
    provider: server.provider!,
    newKey,
    admin,
    setCaps: ({ user }, caps) => putCaps(user, caps),
    arrivals: watch.of,
    newCaller: async (caps) => {
      users += 1;
      const user = `user-${users}`;
      await putCaps(user, caps);
      const key = await newKey({ user });
      return {
        user,
        key,
        arrivals: () => watch.of(key),
        chargeOf: (requestId) => until(() => chargeOf(server.url, key, requestId)),
        onlyCharge: () =>
          until(async () => {
            const { items } = await admin<{ items: ChargeWire[] }>('GET', `/usage?user=${user}`);
            if (items.length > 1) throw new Error(`${user} has ${items.length} charges`);
            return items[0];
          }),
      };
    },
    close: async () => {
      await server.close();
      watch.stop();
    },
  };
}

/** Node tells of every request that a server of this process gets; those of ours are known by their port. */
function watchArrivals(url: string): { of: (key: string) => Arrival[]; stop: () => void } {
  const port = Number(new URL(url).port);
  const arrivals = new Map<string, Arrival[]>();
  const onRequest = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    if (request.socket.localPort !== port) return;
    const key = credentialOf(request);
    const arrival: Arrival = {
      method: request.method!,
      path: request.url!,
      atMs: performance.now(),
      status: () => response.statusCode,
      header: (name) => sentHeader(response, name),
    };
    arrivals.set(key, [...(arrivals.get(key) ?? []), arrival]);
  };
  subscribe(CHANNEL, onRequest);
  return {
    of: (key) => arrivals.get(key) ?? [],
    stop: () => {
      unsubscribe(CHANNEL, onRequest);
    },
  };
}

/** What `writeHead` was given is in no public member. */
function sentHeader(response: ServerResponse, name: string): string | undefined {
  const { _header: head } = response as ServerResponse & { _header: string | null };
  const line = head?.split('\r\n').find((text) => text.toLowerCase().startsWith(`${name}: `));
  return line?.slice(name.length + 2);
}

/** As the SDKs send it. What the tests themselves ask goes by another header, and so is not counted. */
function credentialOf({ headers }: IncomingMessage): string {
  const credential = headers.authorization ?? headers['x-api-key'] ?? headers['api-key'];
  return String(credential).replace(/^Bearer +/i, '');
}
export const uncounted = (key: string): Record<string, string> => ({ 'x-goog-api-key': key });

async function chargeOf(url: string, key: string, requestId: string): Promise<ChargeWire | null> {
  const response = await fetch(`${url}/v1/requests/${requestId}`, { headers: uncounted(key) });
  const call = (await response.json()) as { id: string; charge: ChargeWire | null };
  if (call.id !== requestId) throw new Error(`${requestId}: ${response.status} ${JSON.stringify(call)}`);
  return call.charge;
}

/** A call that its client left is charged when the provider has ended. */
function until<T>(ask: () => Promise<T | null | undefined>): Promise<T> {
  return vi.waitFor(
    async () => {
      const found = await ask();
      if (found === null || found === undefined) throw new Error('not charged in time');
      return found;
    },
    { timeout: 10_000, interval: 10 },
  );
}

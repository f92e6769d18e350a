/**
 * The simulated provider: OpenAI's and Anthropic's wire formats on loopback, so that a whole Spendcap runs
 * without account or money, and so that tests see every way in which a provider can answer. What it mirrors,
 * what it leaves out and its directives: README.md beside this file.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';
import { anthropicCountTokens, anthropicMessages } from './anthropic-messages.ts';
import { deliverPlain, deliverStream } from './delivery.ts';
import { parseDirectives, type Directives } from './directives.ts';
import { errorBody, messageOfStatus } from './errors.ts';
import { answerTo, type Answer, type Asked, type SimulatedEndpoint } from './exchange.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiEmbeddings } from './openai-embeddings.ts';
import { openaiInputTokens, openaiResponses } from './openai-responses.ts';
import { Truth, type SimulatedRequest } from './truth.ts';

export interface SimulatedProvider {
  /** Scheme, host and port. */
  url: string;
  /** Every request so far, oldest first; live objects, for reading. */
  requests(): SimulatedRequest[];
  /** Ends when no request is open. */
  idle(): Promise<void>;
  forget(): void;
  close(): Promise<void>;
}

export interface SimulatedProviderOptions {
  host?: string;
  /** 0, or none, takes any free port. */
  port?: number;
  /** Gets a line for each bill, before a byte of its answer leaves. */
  logFile?: string;
}

const ENDPOINTS: ReadonlyMap<string, SimulatedEndpoint> = new Map(
  [
    openaiChat,
    openaiResponses,
    openaiInputTokens,
    openaiEmbeddings,
    anthropicMessages,
    anthropicCountTokens,
  ].map((endpoint) => [endpoint.path, endpoint]),
);
const TRUTH_PATH = '/_simulated/requests';

export async function startSimulatedProvider({
  host = '127.0.0.1',
  port = 0,
  logFile,
}: SimulatedProviderOptions): Promise<SimulatedProvider> {
  const truth = new Truth(logFile);
  const server = createServer((request, response) => {
    // A client may leave at any moment; what it leaves behind is no error of ours.
    void serve(truth, request, response).catch(() => response.destroy());
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    requests: () => truth.requests(),
    idle: () => truth.idle(),
    forget: () => truth.forget(),
    close: async () => {
      await closed(server);
      truth.close();
    },
  };
}

async function closed(server: Server): Promise<void> {
  const over = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await over;
}

async function serve(truth: Truth, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://provider');
  if (pathname === TRUTH_PATH) {
    showTruth(truth, request, response);
    return;
  }
  const endpoint = request.method === 'POST' ? ENDPOINTS.get(pathname) : undefined;
  if (!endpoint) {
    const body = errorBody('openai', 404, `Unknown request: ${request.method!} ${pathname}.`, '');
    response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    return;
  }
  const seen = newRequest(endpoint, request, await readText(request));
  truth.received(seen);
  const over = once(response, 'close');
  await answerRequest(truth, endpoint, seen, response);
  if (!response.closed) await over;
  seen.client = response.writableFinished || seen.outcome === 'reset' ? 'stayed' : 'left';
  truth.ended();
}

function showTruth(truth: Truth, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'DELETE') {
    truth.forget();
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(truth.requests()));
}

let requestsSeen = 0;

function newRequest(
  endpoint: SimulatedEndpoint,
  request: IncomingMessage,
  bodyText: string,
): SimulatedRequest {
  requestsSeen += 1;
  const nowMs = Date.now();
  return {
    id: `sim_${nowMs.toString(36)}${requestsSeen.toString(36).padStart(6, '0')}`,
    endpoint: endpoint.name,
    dialect: endpoint.dialect,
    method: request.method ?? '',
    path: request.url ?? '',
    receivedAtEpochMs: nowMs,
    headers: request.headers,
    bodyText,
    body: parseBody(bodyText),
    model: null,
    servedModel: null,
    serviceTier: null,
    stream: false,
    tag: null,
    billed: null,
    status: null,
    outcome: 'open',
    client: 'waiting',
  };
}

function parseBody(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Checks the request, then answers it as it asks to be answered. */
async function answerRequest(
  truth: Truth,
  endpoint: SimulatedEndpoint,
  seen: SimulatedRequest,
  response: ServerResponse,
): Promise<void> {
  const { body } = seen;
  if (!body) {
    refuse(endpoint, seen, response, 400, 'We could not parse the JSON body of your request.');
    return;
  }
  const asked = endpoint.read(body);
  if (typeof asked === 'string') {
    refuse(endpoint, seen, response, 400, asked);
    return;
  }
  const read = parseDirectives(asked.prompt);
  if ('problem' in read) {
    refuse(endpoint, seen, response, 400, read.problem);
    return;
  }
  const { directives } = read;
  note(seen, asked, directives);
  const answer = answerTo(asked, directives, { body, id: seen.id, nowMs: seen.receivedAtEpochMs });
  seen.servedModel = answer.servedModel;
  seen.serviceTier = answer.serviceTier ?? null;
  await perform(truth, endpoint, seen, answer, response);
}

function note(seen: SimulatedRequest, { model, stream }: Asked, { tag }: Directives): void {
  seen.model = model;
  seen.stream = stream;
  seen.tag = tag ?? null;
}

/** Statuses after which a provider may have done the work all the same. */
const BILLED_STATUSES: ReadonlySet<number> = new Set([504]);

async function perform(
  truth: Truth,
  endpoint: SimulatedEndpoint,
  seen: SimulatedRequest,
  answer: Answer,
  response: ServerResponse,
): Promise<void> {
  const { directives, asked } = answer;
  const { status, delay = 0 } = directives;
  const silence = asked.stream ? 0 : (directives.silent ?? 0);
  if (delay + silence > 0) await sleep(delay + silence);
  const isBilled = status === undefined || BILLED_STATUSES.has(status);
  if (!endpoint.isFree && isBilled && directives.unbilled !== true) truth.bill(seen, answer.tokens);
  if (directives.hang === true) {
    if (!response.closed) await once(response, 'close');
    seen.outcome = 'hung';
    return;
  }
  if (directives.reset === 'before') {
    response.socket?.resetAndDestroy();
    seen.outcome = 'reset';
    return;
  }
  if (status !== undefined) {
    refuse(endpoint, seen, response, status, messageOfStatus(status), directives['retry-after']);
    return;
  }
  seen.status = 200;
  const head = headersOf(endpoint, seen.id);
  seen.outcome = asked.stream
    ? await deliverStream(response, head, endpoint, answer)
    : await deliverPlain(response, head, JSON.stringify(endpoint.plain(answer)), answer);
}

function refuse(
  endpoint: SimulatedEndpoint,
  seen: SimulatedRequest,
  response: ServerResponse,
  status: number,
  message: string,
  retryAfterSeconds?: number,
): void {
  seen.status = status;
  seen.outcome = 'refused';
  response.writeHead(status, {
    ...headersOf(endpoint, seen.id),
    'content-type': 'application/json',
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(JSON.stringify(errorBody(endpoint.dialect, status, message, seen.id)));
}

/** Headers that real answers carry, and that must not reach a client of ours. */
function headersOf({ dialect }: SimulatedEndpoint, id: string): Record<string, string | string[]> {
  return dialect === 'openai'
    ? {
        'x-request-id': id,
        'openai-organization': 'org-simulated',
        'openai-version': '2020-10-01',
        'openai-processing-ms': '5',
        'x-ratelimit-limit-requests': '10000',
        'x-ratelimit-remaining-requests': '9999',
        'set-cookie': ['__cf_bm=simulated; path=/; HttpOnly'],
      }
    : {
        'request-id': id,
        'anthropic-organization-id': 'org-simulated',
        'anthropic-ratelimit-requests-limit': '4000',
        'anthropic-ratelimit-requests-remaining': '3999',
        'set-cookie': ['__cf_bm=simulated; path=/; HttpOnly'],
      };
}

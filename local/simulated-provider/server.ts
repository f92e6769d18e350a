/** The simulated provider: the wire formats of OpenAI, Anthropic and Bedrock on one port. See README.md. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropic } from './anthropic-dialect.ts';
import { anthropicCountTokens, anthropicMessages } from './anthropic-messages.ts';
import { bedrockConverse } from './bedrock-converse.ts';
import { bedrock } from './bedrock-dialect.ts';
import { invocationLog } from './bedrock-invocation-log.ts';
import { Pauses } from './delivery.ts';
import type { SimulatedDialect, SimulatedEndpoint } from './endpoint.ts';
import { openAiChat } from './openai-chat.ts';
import { openAiSpeech, openAiTranscription } from './openai-audio.ts';
import { openAi } from './openai-dialect.ts';
import { openAiEmbeddings } from './openai-embeddings.ts';
import { openAiImages } from './openai-images.ts';
import { openAiInputTokens, openAiResponses } from './openai-responses.ts';
import { sendError, serveCall, type Exchange } from './serve-call.ts';
import { SimulatedRequest, Truth } from './truth.ts';

export interface SimulatedProviderOptions {
  /** 0 takes any free port. */
  port?: number;
  host?: string;
  /** Every bill is appended to it, a line of JSON each, before the first byte of its answer leaves. */
  logFile?: string;
}

export interface SimulatedProvider {
  /** Scheme, host and port. */
  url: string;
  /** Every request so far, oldest first. Those that are open still change. */
  requests(): SimulatedRequest[];
  /** Resolves when no request is open: each is answered and its client has the answer or has left. */
  idle(): Promise<void>;
  /** Forgets all requests. */
  forget(): void;
  /** Takes no further request; answers that are being made are made and billed without further delay. */
  close(): Promise<void>;
}

const ENDPOINTS: Record<string, SimulatedEndpoint | undefined> = {
  '/v1/chat/completions': openAiChat,
  '/v1/responses': openAiResponses,
  '/v1/responses/input_tokens': openAiInputTokens,
  '/v1/embeddings': openAiEmbeddings,
  '/v1/images/generations': openAiImages,
  '/v1/audio/transcriptions': openAiTranscription,
  '/v1/audio/speech': openAiSpeech,
  '/v1/messages': anthropicMessages,
  '/v1/messages/count_tokens': anthropicCountTokens,
};
/** As Azure has it: the deployment, whose model is of the same name here, stands in the path. */
const AZURE = /^\/openai\/deployments\/([^/]+)(\/chat\/completions)$/;

/** The model and whether it streams stand in the path. */
const CONVERSE = /^\/model\/([^/]+)\/converse(-stream)?$/;

function endpointAt(path: string): SimulatedEndpoint | undefined {
  const [, model, streams] = CONVERSE.exec(path) ?? [];
  if (model !== undefined) return bedrockConverse(decodeURIComponent(model), streams !== undefined);
  const [, deployment, route] = AZURE.exec(path) ?? [];
  if (deployment === undefined) return ENDPOINTS[path];
  const endpoint = ENDPOINTS[`/v1${route!}`]!;
  return { ...endpoint, read: (body) => endpoint.read({ ...body, model: decodeURIComponent(deployment) }) };
}

const TRUTH_PATH = '/_simulated/requests';
const INVOCATION_LOG_PATH = '/_simulated/invocation-log';

/** Longer than any client keeps an idle connection, so that none sends a call into one that we are closing. */
const KEEP_ALIVE_MS = 75_000;

export async function startSimulatedProvider({
  port = 0,
  host = '127.0.0.1',
  logFile,
}: SimulatedProviderOptions): Promise<SimulatedProvider> {
  const truth = new Truth(logFile);
  const pauses = new Pauses();
  const inProgress = new Set<Promise<void>>();
  const newId = ids();

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (incoming, response) => {
    // A client may leave at any moment; writing to it then is no mistake of ours.
    response.on('error', () => undefined);
    onceRead(incoming, (bodyBytes) => {
      const path = pathOf(incoming);
      if (path === INVOCATION_LOG_PATH) {
        const lines = invocationLog(truth.requests());
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(lines));
        return;
      }
      if (path === TRUTH_PATH) {
        answerTruth(truth, incoming, response);
        return;
      }
      const exchange = receive(incoming, { response, bodyBytes, id: newId() });
      truth.received(exchange.request);
      const answered = answer(exchange, path, { truth, pauses }).finally(() => inProgress.delete(answered));
      inProgress.add(answered);
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    requests: () => truth.requests(),
    idle: () => truth.idle(),
    forget: () => truth.forget(),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      pauses.endAll();
      // Whatever is not hung or unread ends by itself, before the connections are cut.
      await new Promise((resolve) => setImmediate(resolve));
      server.closeAllConnections();
      await Promise.all([closed, ...inProgress]);
      truth.close();
    },
  };
}

async function answer(
  exchange: Exchange,
  path: string,
  provider: { truth: Truth; pauses: Pauses },
): Promise<void> {
  const { request, response, closed } = exchange;
  try {
    request.outcome = await outcomeOf(exchange, path, provider);
  } catch (error) {
    // A bug of ours is an internal error to the client, as anywhere, and tells itself.
    if (response.headersSent) response.destroy();
    else sendError(dialectOf(request), exchange, 500, { message: String(error), param: null });
    request.outcome = 'refused';
  }
  await closed;
  provider.truth.ended();
}

async function outcomeOf(
  exchange: Exchange,
  path: string,
  provider: { truth: Truth; pauses: Pauses },
): Promise<SimulatedRequest['outcome']> {
  const { request } = exchange;
  const dialect = dialectOf(request);
  const endpoint = endpointAt(path);
  if (!endpoint) {
    const message = `Invalid URL (${request.method} ${path}): not simulated.`;
    return sendError(dialect, exchange, 404, { message, param: null });
  }
  if (request.method !== 'POST') return sendError(dialect, exchange, 405);
  return serveCall(endpoint, exchange, provider);
}

const DIALECTS: Record<SimulatedRequest['dialect'], SimulatedDialect> = {
  openai: openAi,
  anthropic,
  bedrock,
};
const dialectOf = ({ dialect }: SimulatedRequest): SimulatedDialect => DIALECTS[dialect];

function receive(
  incoming: IncomingMessage,
  { response, bodyBytes, id }: Pick<Exchange, 'response' | 'bodyBytes' | 'id'>,
): Exchange {
  const endpoint = endpointAt(pathOf(incoming));
  const dialect =
    endpoint?.dialect.name ?? ('anthropic-version' in incoming.headers ? 'anthropic' : 'openai');
  const isForm = incoming.headers['content-type']?.startsWith('multipart/form-data') === true;
  const request = new SimulatedRequest({
    id: `req_${id}`,
    endpoint: endpoint?.name ?? 'unknown',
    dialect,
    method: incoming.method!,
    path: incoming.url!,
    receivedAtEpochMs: Date.now(),
    headers: incoming.headers,
    bodyText: isForm ? '' : Buffer.from(bodyBytes.buffer).toString(),
  });
  const closed = new Promise<void>((resolve) => {
    response.once('close', () => {
      request.client = response.writableFinished || request.outcome === 'reset' ? 'stayed' : 'left';
      resolve();
    });
  });
  return { request, response, closed, bodyBytes, id };
}

function answerTruth(truth: Truth, { method }: IncomingMessage, response: ServerResponse): void {
  if (method === 'DELETE') {
    truth.forget();
    response.writeHead(204).end();
  } else if (method === 'GET') {
    const body = JSON.stringify(truth.requests());
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  } else {
    response.writeHead(405, { allow: 'GET, DELETE' }).end();
  }
}

/** Not called for a client that leaves before its request is complete: a provider never sees that request. */
function onceRead(incoming: IncomingMessage, use: (body: Uint8Array<ArrayBuffer>) => void): void {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.once('end', () => use(new Uint8Array(Buffer.concat(chunks))));
  incoming.once('error', () => undefined);
}

function pathOf({ url }: IncomingMessage): string {
  const query = url!.indexOf('?');
  return query === -1 ? url! : url!.slice(0, query);
}

/** Unique also among processes; cheap, for they are made at every call. */
function ids(): () => string {
  const prefix = randomBytes(9).toString('hex');
  let made = 0;
  return () => `${prefix}${(made++).toString(16).padStart(6, '0')}`;
}

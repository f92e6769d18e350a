/** One call, in order: understand it, wait, refuse or bill, answer. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { readJsonObject, type JsonObject } from '../../lambdas/core/json-document.ts';
import { deliverPlain, deliverStream, resetConnection, type Delivery, type Pauses } from './delivery.ts';
import { parseDirectives, type ErrorStatus } from './directives.ts';
import {
  refuse,
  Sound,
  type Asked,
  type Problem,
  type SimulatedDialect,
  type SimulatedEndpoint,
  type Generation,
} from './endpoint.ts';
import { generate } from './generation.ts';
import type { SimulatedOutcome, SimulatedRequest, Truth } from './truth.ts';

export interface Exchange {
  request: SimulatedRequest;
  response: ServerResponse;
  closed: Promise<void>;
  bodyBytes: Uint8Array<ArrayBuffer>;
  /** The part that all ids of the answer share. */
  id: string;
}

export async function serveCall(
  endpoint: SimulatedEndpoint,
  exchange: Exchange,
  { truth, pauses }: { truth: Truth; pauses: Pauses },
): Promise<SimulatedOutcome> {
  const { request, response, closed } = exchange;
  const understood = await understand(endpoint, exchange);
  if ('problem' in understood) return sendError(endpoint.dialect, exchange, 400, understood.problem);
  const { made } = understood;
  const { directives } = made;
  describe(request, made);

  await pauses.of(directives.delay);
  const { status } = directives;
  const isBilled = !endpoint.isFree && !directives.unbilled;
  if (directives['retry-after'] !== undefined) response.setHeader('retry-after', directives['retry-after']);
  if (status !== undefined) {
    // A gateway time-out says nothing of the model behind it, which went on to the end.
    if (isBilled && status === 504) truth.bill(request, made.tokens);
    return sendError(endpoint.dialect, exchange, status);
  }
  if (isBilled) truth.bill(request, made.tokens);

  const delivery: Delivery = { response, request, directives, pauses, closed };
  if (directives.reset === 'before') return resetConnection(delivery);
  if (directives.hang) {
    await closed;
    return 'hung';
  }
  request.status = 200;
  setHeaders(endpoint.dialect, exchange);
  return made.asked.stream && endpoint.stream
    ? deliverStream(delivery, endpoint.stream(made))
    : deliverPlain(delivery, bodyOf(endpoint.answer(made)));
}

const bodyOf = (answer: JsonObject | Sound): Sound =>
  answer instanceof Sound
    ? answer
    : new Sound('application/json', new TextEncoder().encode(JSON.stringify(answer)));

/** Answers with the dialect's own error object. */
export function sendError(
  dialect: SimulatedDialect,
  exchange: Exchange,
  status: ErrorStatus | 405,
  problem?: Problem,
): 'refused' {
  const { request, response } = exchange;
  request.status = status;
  if (response.destroyed) return 'refused';
  const body = JSON.stringify(dialect.error(status, problem, request.id));
  setHeaders(dialect, exchange);
  for (const [name, value] of Object.entries(dialect.errorHeaders?.(status) ?? {}))
    response.setHeader(name, value);
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(body);
  return 'refused';
}

async function understand(
  endpoint: SimulatedEndpoint,
  { request, bodyBytes, id }: Exchange,
): Promise<{ made: Generation } | { problem: Problem }> {
  const body = endpoint.takesForm ? await readForm(request, bodyBytes) : readJsonObject(request.bodyText);
  if (!body) {
    const expected = endpoint.takesForm ? 'multipart/form-data' : 'a JSON object';
    return refuse(`We could not parse the body of your request: ${expected} is expected.`);
  }
  const read = endpoint.read(body);
  if ('problem' in read) return read;
  const asked: Asked = endpoint.stream ? read.asked : { ...read.asked, stream: false };
  const found = parseDirectives(asked.prompt);
  if ('problem' in found) return refuse(found.problem);
  return generate(endpoint, asked, { directives: found.directives, id, now: request.receivedAtEpochMs });
}

/** Its texts, and of its file what can be told in JSON. Of several members of one name, the last. */
async function readForm(
  request: SimulatedRequest,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<JsonObject | undefined> {
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  const form = await new Response(bytes, { headers }).formData().catch(() => undefined);
  if (!form) return undefined;
  const body: JsonObject = {};
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      body[name] = value;
      continue;
    }
    const content = new Uint8Array(await value.arrayBuffer());
    const told = { name: value.name, type: value.type, bytes: content.length };
    body[name] = told;
    request.file = { ...told, sha256: createHash('sha256').update(content).digest('hex') };
  }
  return body;
}

function describe(request: SimulatedRequest, { asked, directives, model, serviceTier }: Generation): void {
  request.model = asked.model;
  request.servedModel = model;
  request.serviceTier = serviceTier;
  request.stream = asked.stream;
  request.tag = directives.tag ?? null;
}

function setHeaders(dialect: SimulatedDialect, { request, response }: Exchange): void {
  if (response.destroyed || response.headersSent) return;
  for (const [name, value] of Object.entries(dialect.headers(request.id))) response.setHeader(name, value);
}

/**
 * What API Gateway receives from the function in each kind of ending: one table, for the shim of `npm test` and for
 * the real runtime client in `npm run test:aws`. Each host that runs it says which cases it cannot make.
 */
import { INTEGRATION_TYPE, METHODS, PROPERTIES, takeApart } from '../support/awslambda-shim.ts';

/**
 * `clean`: the answer is whole. `error`: the invocation fails and Lambda is told why, in trailers. `lost`: the
 * connection to Lambda broke, and nobody can be told.
 */
export type Ends = 'clean' | 'error' | 'lost';

export interface WireFact {
  name: string;
  path: string;
  headers?: Record<string, string>;
  body: Record<string, unknown> | undefined;
  /** What the host has to arrange beside the call. */
  given?: Arranged;
  status: number;
  headersSeen: Record<string, string | RegExp>;
  /** Of the whole body; of a cut one, of what had left by then. */
  bodySeen: RegExp;
  /** At least so many writes, each on its own. */
  piecesMin: number;
  ends: Ends;
  /** What stands in the books when the invocation is over. Undefined where no call was admitted. */
  charge: 'settled' | 'presumed_spent' | 'voided' | undefined;
}

/** `short keep-alive`: both of a tenth of a second. `short deadline`: of 1.5 s. */
export type Arranged =
  'short keep-alive' | 'broken environment' | 'client leaves' | 'client stops reading' | 'short deadline';

const MODEL = 'gpt-5-mini';
const chat = (prompt: string, stream = false): Record<string, unknown> => ({
  model: MODEL,
  messages: [{ role: 'user', content: prompt }],
  max_completion_tokens: 200,
  ...(stream && { stream }),
});
const CHAT = '/v1/chat/completions';
const JSON_TYPE = { 'content-type': /^application\/json/ };
const EVENTS = { 'content-type': /^text\/event-stream/ };

export const WIRE_FACTS: WireFact[] = [
  {
    name: 'a plain answer',
    path: CHAT,
    body: chat('[[sim output=8]] Hello'),
    status: 200,
    headersSeen: { ...JSON_TYPE, 'x-spendcap-model': MODEL, 'x-spendcap-cost-usd': /^0\.\d+$/ },
    bodySeen: /^\{.*"cost":.*\}$/s,
    piecesMin: 1,
    ends: 'clean',
    charge: 'settled',
  },
  {
    name: 'a stream, piece by piece',
    path: CHAT,
    body: chat('[[sim output=16 chunks=4 chunk-delay=40]] Hello', true),
    status: 200,
    headersSeen: { ...EVENTS, 'x-spendcap-reserved-usd': /^0\.\d+$/ },
    bodySeen: /^data: .*data: \[DONE\]\n\n$/s,
    piecesMin: 4,
    ends: 'clean',
    charge: 'settled',
  },
  {
    name: 'an error of the provider',
    path: CHAT,
    body: chat('[[sim status=500]] Hello'),
    status: 500,
    headersSeen: JSON_TYPE,
    bodySeen: /"error":/,
    piecesMin: 1,
    ends: 'clean',
    charge: 'voided',
  },
  {
    name: 'a stream that breaks: an error frame, then a clean end',
    path: CHAT,
    body: chat('[[sim output=16 reset=after-2]] Hello', true),
    status: 200,
    headersSeen: EVENTS,
    bodySeen: /^data: .*"error":.*charged at its hold/s,
    piecesMin: 2,
    ends: 'clean',
    charge: 'presumed_spent',
  },
  {
    name: 'a refusal',
    path: '/v1/files',
    body: {},
    status: 404,
    headersSeen: { ...JSON_TYPE, 'x-should-retry': 'false' },
    bodySeen: /"code":"endpoint_not_metered"/,
    piecesMin: 1,
    ends: 'clean',
    charge: undefined,
  },
  {
    name: 'a failure of ours before the first byte',
    path: CHAT,
    body: chat('Hello'),
    given: 'broken environment',
    status: 500,
    headersSeen: { ...JSON_TYPE, 'x-should-retry': 'false' },
    bodySeen: /^\{"error":\{.*"code":"internal_error"/,
    piecesMin: 1,
    ends: 'clean',
    charge: undefined,
  },
  {
    name: 'a failure of ours before the first byte, to a client of Anthropic',
    path: '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: {},
    given: 'broken environment',
    status: 500,
    headersSeen: JSON_TYPE,
    bodySeen: /^\{"type":"error"/,
    piecesMin: 1,
    ends: 'clean',
    charge: undefined,
  },
  {
    name: 'a provider that fails after the first byte of a plain answer',
    path: CHAT,
    body: chat('[[sim delay=300 reset=before]] Hello'),
    given: 'short keep-alive',
    status: 200,
    headersSeen: JSON_TYPE,
    bodySeen: /^ +$/,
    piecesMin: 1,
    ends: 'error',
    charge: 'presumed_spent',
  },
  {
    name: 'a silent stream: comments until it goes on',
    path: CHAT,
    body: chat('[[sim output=16 silent=350]] Hello', true),
    given: 'short keep-alive',
    status: 200,
    headersSeen: EVENTS,
    bodySeen: /^data: .*: keep-alive\n\n.*data: \[DONE\]\n\n$/s,
    piecesMin: 4,
    ends: 'clean',
    charge: 'settled',
  },
  {
    name: 'a client that leaves: the provider is read to its end',
    path: CHAT,
    body: chat('[[sim output=16 chunks=4 chunk-delay=40]] Hello', true),
    given: 'client leaves',
    status: 200,
    headersSeen: EVENTS,
    bodySeen: /^data: /,
    piecesMin: 1,
    ends: 'lost',
    charge: 'settled',
  },
  {
    name: 'the deadline during a stream: an error frame in time, charged at the hold',
    path: CHAT,
    body: chat('[[sim output=16 silent=60000]] Hello', true),
    given: 'short deadline',
    status: 200,
    headersSeen: EVENTS,
    bodySeen: /"error":.*charged at its hold/s,
    piecesMin: 2,
    ends: 'clean',
    charge: 'presumed_spent',
  },
  {
    name: 'the deadline before a plain answer',
    path: CHAT,
    body: chat('[[sim delay=60000]] Hello'),
    given: 'short deadline',
    status: 504,
    headersSeen: { ...JSON_TYPE, 'x-should-retry': 'false' },
    bodySeen: /"code":"upstream_no_answer"/,
    piecesMin: 1,
    ends: 'clean',
    charge: 'presumed_spent',
  },
  {
    name: 'a client that stops reading: given up in time',
    path: CHAT,
    body: chat('[[sim output=200 chunks=200]] Hello', true),
    given: 'client stops reading',
    status: 200,
    headersSeen: EVENTS,
    bodySeen: /^/,
    piecesMin: 0,
    ends: 'error',
    charge: 'settled',
  },
];

/** One invocation, as Lambda saw it. */
export interface Seen {
  contentType: string;
  bytes: Buffer;
  pieces: number;
  ends: Ends;
  charge: string | undefined;
}

/** What of the fact does not hold; nothing where it does. */
export function differences(fact: WireFact, seen: Seen): string[] {
  const found: string[] = [];
  const compare = (what: string, value: unknown, expected: unknown): void => {
    const holds = expected instanceof RegExp ? expected.test(String(value)) : value === expected;
    if (!holds) found.push(`${what} is ${JSON.stringify(value)}, not ${String(expected)}`);
  };
  const { prelude, body } = takeApart(seen.bytes);
  compare('the content type', seen.contentType, INTEGRATION_TYPE);
  compare('the status', prelude.statusCode, fact.status);
  for (const [name, expected] of Object.entries(fact.headersSeen)) {
    compare(name, prelude.headers[name], expected);
  }
  compare('the body', body, fact.bodySeen);
  compare(`${seen.pieces} pieces, ${fact.piecesMin} or more`, seen.pieces >= fact.piecesMin, true);
  compare('the end', seen.ends, fact.ends);
  compare('the charge', seen.charge, fact.charge);
  return found;
}

/** The id of an admitted call, by which its charge is found. */
export const requestIdOf = (bytes: Buffer): string =>
  takeApart(bytes).prelude.headers['x-spendcap-request-id'] ?? '';

/** What the runtime makes of any handler; test/hosts/bare-handler.mjs does what is named here. */
export interface RuntimeFact {
  does: string;
  contentType: string;
  bytesSeen: string;
  ends: Ends;
}

const HEAD = `{"statusCode":200}${'\0'.repeat(8)}`;
const PLAIN_TYPE = 'application/octet-stream';

export const RUNTIME_FACTS: RuntimeFact[] = [
  { does: 'write', contentType: INTEGRATION_TYPE, bytesSeen: `${HEAD}text`, ends: 'clean' },
  { does: 'write nothing', contentType: INTEGRATION_TYPE, bytesSeen: HEAD, ends: 'clean' },
  { does: 'end without a write', contentType: INTEGRATION_TYPE, bytesSeen: '', ends: 'clean' },
  { does: 'end with a text', contentType: INTEGRATION_TYPE, bytesSeen: 'text', ends: 'clean' },
  { does: 'throw before the first write', contentType: PLAIN_TYPE, bytesSeen: '', ends: 'error' },
  { does: 'throw after it', contentType: INTEGRATION_TYPE, bytesSeen: `${HEAD}text`, ends: 'error' },
  { does: 'throw after the end', contentType: INTEGRATION_TYPE, bytesSeen: `${HEAD}text`, ends: 'clean' },
  { does: 'set the type too late', contentType: INTEGRATION_TYPE, bytesSeen: `${HEAD}text`, ends: 'error' },
  {
    does: 'tell what the stream is',
    contentType: PLAIN_TYPE,
    bytesSeen: `no Writable: ${[...METHODS, ...PROPERTIES].sort().join(' ')}`,
    ends: 'clean',
  },
];

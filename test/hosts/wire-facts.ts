/**
 * What API Gateway receives from the function in each kind of ending: one table, for the shim of `npm test` and for
 * the real runtime client. Each host that runs it says which cases it cannot make.
 */
export interface WireFact {
  name: string;
  path: string;
  headers?: Record<string, string>;
  body: Record<string, unknown> | undefined;
  /** What the host has to arrange beside the call. */
  given?: 'short keep-alive' | 'broken environment' | 'client leaves' | 'short deadline';
  status: number;
  headersSeen: Record<string, string | RegExp>;
  /** Of the whole body; of a cut one, of what had left by then. */
  bodySeen: RegExp;
  /** At least so many writes, each on its own. */
  piecesMin: number;
  /** `error`: the invocation fails after the first byte, and API Gateway cuts the answer. */
  ends: 'clean' | 'error';
  /** Undefined where no call was admitted. */
  charge: 'settled' | 'presumed_spent' | 'voided' | undefined;
}

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
    name: 'a client that leaves: the provider is read to its end',
    path: CHAT,
    body: chat('[[sim output=16 chunks=4 chunk-delay=40]] Hello', true),
    given: 'client leaves',
    status: 200,
    headersSeen: EVENTS,
    bodySeen: /^data: /,
    piecesMin: 1,
    ends: 'error',
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
];

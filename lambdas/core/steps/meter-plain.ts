/**
 * A plain answer: read whole, metered, settled, then passed on with its cost. Where the provider is silent for
 * long, white space keeps the connection open; the status has then been sent, so a later failure cuts the body.
 */
import { durationMs } from '../brands.ts';
import type { Answer, Call } from '../call.ts';
import { withCost, type CostMembers, type UpstreamFault } from '../endpoint.ts';
import { isObject, readJsonObject } from '../json-document.ts';
import type { Timer, UpstreamOutcome } from '../ports.ts';
import { admittedHeaders, providerHeaders, storedHeaders } from '../response-headers.ts';
import { SECOND } from '../time.ts';
import type { ClientPresence } from './client-presence.ts';
import { unlessSilent } from './silence.ts';
import { settle, type Ending, type Settlement } from './settle.ts';

export interface PlainResult {
  settled: Settlement;
  servedModel: string | undefined;
  /** What the client gets; a fault where the provider sent no whole answer. */
  seen: { status: number; headers: Headers; body: Uint8Array<ArrayBuffer> } | { fault: UpstreamFault };
}

export async function meterPlain(
  call: Call,
  outcome: Promise<UpstreamOutcome>,
  client: ClientPresence,
): Promise<Answer> {
  let begun: UpstreamOutcome | undefined;
  const result = outcome.then((known) => {
    begun = known;
    return readAndSettle(call, known);
  });
  const completion = result.then(({ settled }) => settled.rest).finally(() => client.done());
  completion.catch(() => undefined); // a bug is told by `result` below; where that fails, nobody gets this promise
  const first = await unlessSilent(call, result, call.gateway.timing.plainKeepAlive);
  if (first !== 'silent') return { response: finalResponse(call, first), completion };
  return { response: keptAlive(call, begun, result, client), completion };
}

function finalResponse(call: Call, { settled, servedModel, seen }: PlainResult): Response {
  const { books } = call.reserved;
  const after = { ...books, leaf: settled.leaf ?? books.leaf };
  const facts = { books: after, costPicoUsd: settled.costPicoUsd, servedModel };
  const response =
    'fault' in seen
      ? call.gateway.renderers[call.endpoint.dialect].fault(seen.fault, call.ids.requestId)
      : new Response(seen.body, { status: seen.status, headers: seen.headers });
  for (const [name, value] of admittedHeaders(call, facts)) response.headers.set(name, value);
  return response;
}

/** The provider's whole answer, or what became of it, settled. */
export async function readAndSettle(call: Call, outcome: UpstreamOutcome): Promise<PlainResult> {
  const faulty = async (ending: Ending, fault: UpstreamFault): Promise<PlainResult> => ({
    settled: await settle(call, ending),
    servedModel: undefined,
    seen: { fault },
  });
  if (outcome.kind !== 'answered') {
    const { kind, reason } = outcome;
    return kind === 'not_sent'
      ? faulty({ kind: 'nothing' }, unreachable(reason))
      : faulty({ kind: 'unknown', reason }, unanswered(reason));
  }
  const { response } = outcome;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const reason = `the answer broke off (${reasonOf(error)})`;
    return faulty(endingOfStatus(response.status) ?? { kind: 'unknown', reason }, BROKE_OFF);
  }
  const seen = { status: response.status, headers: providerHeaders(response.headers), body: bytes };
  const failed = endingOfStatus(response.status);
  if (failed) return { settled: await settle(call, failed), servedModel: undefined, seen };
  const text = new TextDecoder().decode(bytes);
  const answer = readJsonObject(text);
  const reading = answer && call.endpoint.readUsage(answer, call.quote.card);
  const servedModel = answer && call.endpoint.readServedModel(answer);
  const hasUsage = answer && isObject(answer['usage']);
  const bodyWith = (members: CostMembers | undefined): Uint8Array<ArrayBuffer> =>
    hasUsage && members ? new TextEncoder().encode(withCost(text, ['usage'], members)) : bytes;
  const ending: Ending = reading
    ? { kind: 'usage', reading, servedModel }
    : { kind: 'unknown', reason: 'the answer carries no usage' };
  const settled = await settle(call, ending, (members) => ({
    status: response.status,
    headers: storedHeaders(call, { headers: response.headers, servedModel }),
    body: bodyWith(members),
  }));
  return { settled, servedModel, seen: { ...seen, body: bodyWith(settled.members) } };
}

/** Statuses that a provider answers before it has done anything that it bills. */
const NOTHING_BILLED = new Set([500, 502, 503, 529]);

/** What an answer that is no success tells about the bill; undefined for a success, whose usage tells. */
function endingOfStatus(status: number): Ending | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status < 500 || NOTHING_BILLED.has(status)) return { kind: 'nothing' };
  return { kind: 'unknown', reason: `the provider answered ${status}` };
}

const unreachable = (reason: string): UpstreamFault => ({
  status: 502,
  code: 'upstream_unreachable',
  message: `The provider could not be reached (${reason}); the call was not charged.`,
  mayRetry: true,
});
const unanswered = (reason: string): UpstreamFault => ({
  status: 504,
  code: 'upstream_no_answer',
  message: `The provider did not answer (${reason}); it may have billed the call, so it is charged at its hold until evidence corrects it.`,
  mayRetry: false,
});
const BROKE_OFF: UpstreamFault = {
  status: 502,
  code: 'upstream_broke_off',
  message:
    'The answer of the provider broke off; it may have billed the call, so it is charged at its hold until evidence corrects it.',
  mayRetry: false,
};

const WHITE_SPACE_EVERY = durationMs(15 * SECOND);

/**
 * The status goes out with the first white space: the provider's where it came already, else 200. An answer that
 * turns out to be another one can only be cut.
 */
function keptAlive(
  call: Call,
  begun: UpstreamOutcome | undefined,
  result: Promise<PlainResult>,
  client: ClientPresence,
): Response {
  const head = begun?.kind === 'answered' ? begun.response : undefined;
  const status = head?.status ?? 200;
  const headers = head ? providerHeaders(head.headers) : new Headers({ 'content-type': 'application/json' });
  const facts = { books: call.reserved.books, costPicoUsd: undefined, servedModel: undefined };
  for (const [name, value] of admittedHeaders(call, facts)) headers.set(name, value);
  return new Response(spaced(call, status, result, client), { status, headers });
}

function spaced(
  call: Call,
  status: number,
  result: Promise<PlainResult>,
  client: ClientPresence,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isOpen = true;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      let timer: Timer | undefined;
      let isDone = false;
      const beat = async (): Promise<void> => {
        while (!isDone) {
          if (isOpen) controller.enqueue(encoder.encode(' '));
          timer = call.gateway.clock.timer(WHITE_SPACE_EVERY);
          await timer.ended;
        }
      };
      const stop = (): void => {
        isDone = true;
        timer?.stop();
      };
      void beat();
      result.then(
        ({ seen }) => {
          stop();
          if (!isOpen) return;
          if ('fault' in seen || seen.status !== status) {
            controller.error(new Error('the provider failed after the status was sent'));
            return;
          }
          controller.enqueue(seen.body);
          controller.close();
        },
        (error: unknown) => {
          stop();
          if (isOpen) controller.error(error);
        },
      );
    },
    cancel() {
      isOpen = false;
      client.leave();
    },
  });
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

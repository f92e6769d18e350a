/**
 * A plain answer: read whole, metered, settled, then passed on with its cost. Where the provider is silent for
 * long, white space keeps the connection open; the status has then been sent, so a later failure cuts the body.
 */
import { durationMs } from '../brands.ts';
import type { Call } from '../call.ts';
import { withCost } from '../endpoint.ts';
import { isObject, readJsonObject } from '../json-document.ts';
import type { Answer } from '../request-flow.ts';
import { admittedHeaders, providerHeaders } from '../response-headers.ts';
import { SECOND } from '../time.ts';
import { endingOfStatus } from './meter.ts';
import { settle, type Ending, type Settlement } from './settle.ts';

interface PlainResult {
  body: string | Uint8Array<ArrayBuffer>;
  settled: Settlement;
  servedModel: string | undefined;
  /** The body broke off: what was read is no answer. */
  isCut: boolean;
}

export async function meterPlain(call: Call, response: Response, abort: AbortController): Promise<Answer> {
  const { clock, timing } = call.gateway;
  const result = readAndSettle(call, response, abort);
  const completion = result.then(({ settled }) => settled.rest);
  const silence = new AbortController();
  const first = await Promise.race([
    result,
    clock.sleep(timing.plainKeepAlive, silence.signal).then(() => 'silent' as const),
  ]);
  silence.abort();
  if (first !== 'silent') return { response: finalResponse(call, response, first), completion };
  const headers = providerHeaders(response.headers);
  for (const [name, value] of admittedHeaders(call, heldFacts(call))) headers.set(name, value);
  const body = keptAlive(call, result);
  return { response: new Response(body, { status: response.status, headers }), completion };
}

const heldFacts = (call: Call) => ({
  leaf: call.reserved.leaf,
  costPicoUsd: undefined,
  servedModel: undefined,
});

function finalResponse(call: Call, response: Response, result: PlainResult): Response {
  const headers = providerHeaders(response.headers);
  const { settled, servedModel } = result;
  const leaf = settled.leaf ?? call.reserved.leaf;
  for (const [name, value] of admittedHeaders(call, {
    leaf,
    costPicoUsd: settled.costPicoUsd,
    servedModel,
  })) {
    headers.set(name, value);
  }
  if (result.isCut) {
    const failure = call.gateway.renderers[call.endpoint.dialect].fault(
      {
        status: 502,
        code: 'upstream_broke_off',
        message:
          'The answer of the provider broke off; it may have billed the call, so it is charged at its hold until evidence corrects it.',
        mayRetry: false,
      },
      call.ids.requestId,
    );
    headers.forEach((value, name) => {
      if (name.startsWith('x-spendcap-')) failure.headers.set(name, value);
    });
    return failure;
  }
  return new Response(result.body, { status: response.status, headers });
}

async function readAndSettle(call: Call, response: Response, abort: AbortController): Promise<PlainResult> {
  let bytes: Uint8Array<ArrayBuffer>;
  const leaving = abortWhenLeft(call, abort);
  try {
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const ending: Ending = endingOfStatus(response.status) ?? {
      kind: 'unknown',
      reason: `the answer broke off (${reasonOf(error)})`,
    };
    return { body: '', settled: await settle(call, ending), servedModel: undefined, isCut: true };
  } finally {
    leaving.stop();
  }
  const failed = endingOfStatus(response.status);
  if (failed)
    return { body: bytes, settled: await settle(call, failed), servedModel: undefined, isCut: false };
  const text = new TextDecoder().decode(bytes);
  const answer = readJsonObject(text);
  const reading = answer && call.endpoint.readUsage(answer, call.quote.card);
  const servedModel = answer && call.endpoint.readServedModel(answer);
  const settled = await settle(
    call,
    reading
      ? { kind: 'usage', reading, servedModel }
      : { kind: 'unknown', reason: 'the answer carries no usage' },
  );
  const hasUsage = answer && isObject(answer['usage']);
  const body = hasUsage && settled.members ? withCost(text, ['usage'], settled.members) : bytes;
  return { body, settled, servedModel, isCut: false };
}

const WHITE_SPACE_EVERY = durationMs(15 * SECOND);

function keptAlive(call: Call, result: Promise<PlainResult>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isOpen = true;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const done = new AbortController();
      const beat = async (): Promise<void> => {
        while (!done.signal.aborted) {
          if (isOpen) controller.enqueue(encoder.encode(' '));
          await call.gateway.clock.sleep(WHITE_SPACE_EVERY, done.signal);
        }
      };
      void beat();
      result.then(
        ({ body, isCut }) => {
          done.abort();
          if (!isOpen) return;
          if (isCut) {
            controller.error(new Error('the provider broke off'));
            return;
          }
          controller.enqueue(typeof body === 'string' ? encoder.encode(body) : body);
          controller.close();
        },
        (error: unknown) => {
          done.abort();
          if (isOpen) controller.error(error);
        },
      );
    },
    cancel() {
      isOpen = false;
    },
  });
}

/** A client that left is no reason to lose the usage: upstream is read on for a while, then ended. */
function abortWhenLeft(call: Call, abort: AbortController): { stop(): void } {
  const { signal } = call.request;
  const done = new AbortController();
  const onLeft = (): void => {
    const drain = durationMs(call.gateway.policy.drainSeconds * SECOND);
    void call.gateway.clock.sleep(drain, done.signal).then(() => {
      if (!done.signal.aborted) abort.abort(new Error('the client left and the answer took too long'));
    });
  };
  if (signal.aborted) onLeft();
  else signal.addEventListener('abort', onLeft, { once: true });
  return {
    stop() {
      done.abort();
      signal.removeEventListener('abort', onLeft);
    },
  };
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

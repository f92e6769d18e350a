/** Brings an answer onto the wire: in pieces, with pauses, and, where asked, without its end. */
import type { ServerResponse } from 'node:http';
import type { Directives } from './directives.ts';
import type { StreamedAnswer, Written } from './endpoint.ts';
import { inPieces } from './tokens.ts';
import type { SimulatedOutcome, SimulatedRequest } from './truth.ts';

/** Pauses that all end at once when the provider closes: what is being made is then made without delay. */
export class Pauses {
  #hasEnded = false;
  readonly #waking = new Set<() => void>();

  async of(milliseconds: number | undefined): Promise<void> {
    if (!milliseconds || this.#hasEnded) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waking.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#waking.add(wake);
    });
  }

  endAll(): void {
    this.#hasEnded = true;
    for (const wake of [...this.#waking]) wake();
  }
}

export interface Delivery {
  response: ServerResponse;
  request: SimulatedRequest;
  directives: Directives;
  pauses: Pauses;
  /** Resolves when the connection is done with this answer, from either side. */
  closed: Promise<void>;
}

/** A whole body. Its length is announced unless it comes in pieces or ends early. */
export async function deliverPlain(
  delivery: Delivery,
  { type, bytes: body }: { type: string; bytes: Uint8Array },
): Promise<SimulatedOutcome> {
  const { response, directives, pauses } = delivery;
  const { chunks = 1, reset, end, 'chunk-delay': chunkDelay } = directives;
  await pauses.of(directives.silent);
  if (response.destroyed) return 'answered';
  response.setHeader('content-type', type);
  if (chunks === 1 && !end) response.setHeader('content-length', body.length);
  if (typeof reset === 'number') {
    await written(delivery, body.slice(0, reset));
    return resetConnection(delivery);
  }
  if (chunks === 1 && !end) {
    response.end(body);
    return 'answered';
  }
  const sent = end ? body.slice(0, Math.ceil(body.length / 2)) : body;
  for (const [i, piece] of inPieces(sent, chunks).entries()) {
    if (i > 0) await pauses.of(chunkDelay);
    await written(delivery, piece);
  }
  response.end();
  return end ? 'ended_early' : 'answered';
}

/** Events, each written by itself. */
export async function deliverStream(delivery: Delivery, answer: StreamedAnswer): Promise<SimulatedOutcome> {
  const { response, directives, pauses } = delivery;
  const { reset, silent, 'chunk-delay': chunkDelay } = directives;
  response.setHeader('content-type', answer.contentType ?? 'text/event-stream; charset=utf-8');
  response.setHeader('cache-control', 'no-cache');
  response.flushHeaders();
  const { events, outcome } = sequenceOf(answer, directives);
  const lastContent = answer.opening.length + answer.content.length;
  for (const [i, event] of events.entries()) {
    if (i === reset) break;
    if (i === 1) await pauses.of(silent);
    if (i > answer.opening.length && i < lastContent) await pauses.of(chunkDelay);
    await written(delivery, event);
  }
  if (typeof reset === 'number') return resetConnection(delivery);
  response.end();
  return outcome;
}

function sequenceOf(
  { opening, content, closing, failure }: StreamedAnswer,
  { end, error }: Directives,
): { events: Written[]; outcome: SimulatedOutcome } {
  if (!end && !error) return { events: [...opening, ...content, ...closing], outcome: 'answered' };
  const begun = [...opening, ...content.slice(0, Math.ceil(content.length / 2))];
  if (end) return { events: begun, outcome: 'ended_early' };
  return { events: [...begun, failure(begun.length)], outcome: 'failed' };
}

/** Handed to the system, so that a reset after it does not overtake it; at once where nobody listens any more. */
async function written({ response, closed }: Delivery, chunk: Written): Promise<void> {
  if (response.destroyed) return;
  const flushed = new Promise<void>((resolve) => response.write(chunk, () => resolve()));
  await Promise.race([flushed, closed]);
}

/** A TCP reset, not an orderly end. */
export function resetConnection({ response, request }: Delivery): 'reset' {
  // Before the connection closes: it is we who leave, not the client.
  request.outcome = 'reset';
  response.socket?.resetAndDestroy();
  return 'reset';
}

/**
 * A streamed answer: passed on event by event as it arrives, with the client's back-pressure. The last event
 * waits for the charge, so whoever has seen the end has been charged. A client that leaves is drained to the
 * usage; a stream that breaks ends with the dialect's own error frame, never with a clean close.
 */
import type { Answer, Call } from '../call.ts';
import type { StreamMeter } from '../endpoint.ts';
import type { UpstreamOutcome } from '../ports.ts';
import { AnswerCopy } from '../replay/answer-copy.ts';
import type { StoredAnswer } from '../replay/stored-answers.ts';
import { admittedHeaders, providerHeaders, storedHeaders } from '../response-headers.ts';
import { serverSentEvents, type StreamFrame, type StreamFraming } from '../stream-framing.ts';
import { SECOND } from '../time.ts';
import type { ClientPresence } from './client-presence.ts';
import { meterPlain, readAndSettle, reasonOf, type PlainResult } from './meter-plain.ts';
import { unlessSilent } from './silence.ts';
import { priceReading, settle, type Ending } from './settle.ts';

export async function meterStream(
  call: Call,
  outcome: Promise<UpstreamOutcome>,
  presence: ClientPresence,
): Promise<Answer> {
  const { keepAlive } = framingOf(call);
  const begun =
    keepAlive === undefined
      ? await outcome
      : await unlessSilent(call, outcome, call.gateway.timing.plainKeepAlive);
  if (begun === 'silent') return lateStream(call, outcome, presence, keepAlive!);
  const events = eventsOf(call, begun);
  if (!events) return meterPlain(call, outcome, presence);
  const client = new ClientPipe(presence);
  const completion = pump(call, events, client);
  return { response: opened(call, events, client), completion };
}

const framingOf = ({ endpoint }: Call): StreamFraming => endpoint.framing ?? serverSentEvents;

interface EventStream {
  status: number;
  headers: Headers;
  body: ReadableStream<Uint8Array>;
}

/** The answer where it is a stream of events; undefined for every other one. */
function eventsOf(call: Call, outcome: UpstreamOutcome): EventStream | undefined {
  if (outcome.kind !== 'answered' || !outcome.response.ok) return undefined;
  const { status, headers, body } = outcome.response;
  const isEvents = headers.get('content-type')?.startsWith(framingOf(call).contentType) === true;
  return body && isEvents ? { status, headers, body } : undefined;
}

function opened(call: Call, from: Pick<EventStream, 'status' | 'headers'>, client: ClientPipe): Response {
  const headers = providerHeaders(from.headers);
  const facts = { books: call.reserved.books, costPicoUsd: undefined, servedModel: undefined };
  for (const [name, value] of admittedHeaders(call, facts)) headers.set(name, value);
  return new Response(client.readable, { status: from.status, headers });
}

/** The provider does not even answer: comments keep the connection open, and its status is ours by then. */
function lateStream(
  call: Call,
  outcome: Promise<UpstreamOutcome>,
  presence: ClientPresence,
  keepAlive: Uint8Array,
): Answer {
  const client = new ClientPipe(presence);
  const headers = new Headers({ 'content-type': `${framingOf(call).contentType}; charset=utf-8` });
  const follow = async (): Promise<void> => {
    while ((await unlessSilent(call, outcome, call.gateway.timing.streamKeepAlive)) === 'silent') {
      await client.write(keepAlive);
    }
    const events = eventsOf(call, await outcome);
    if (events) {
      await pump(call, events, client);
      return;
    }
    const { settled, seen } = await readAndSettle(call, await outcome);
    await breakOff(call, client, meterOf(call), lateFailure(seen));
    await client.close();
    await settled.rest;
  };
  void client.write(keepAlive);
  const completion = follow();
  completion.catch(() => undefined); // told by the host, which awaits it
  return { response: opened(call, { status: 200, headers }, client), completion };
}

const QUOTED_LENGTH_MAX = 500;

function lateFailure(seen: PlainResult['seen']): string {
  if ('fault' in seen) return seen.fault.message;
  const body = new TextDecoder().decode(seen.body);
  return `The provider answered ${seen.status} instead of a stream: ${body.slice(0, QUOTED_LENGTH_MAX)}`;
}

/** The dialect's own frames for a stream that cannot go on. */
async function breakOff(call: Call, client: ClientPipe, meter: StreamMeter, message: string): Promise<void> {
  for (const event of meter.brokenOff(message, call.ids.requestId)) {
    await client.write(framingOf(call).encode(event));
  }
}

function meterOf(call: Call): StreamMeter {
  const { shape, card } = call.quote;
  const meter: StreamMeter = call.endpoint.meterStream({
    shape,
    card,
    costOf: (reading) => {
      const priced = priceReading(call, reading, meter.servedModel(), call.gateway.clock.now());
      return 'unpriced' in priced ? undefined : priced.members;
    },
  });
  return meter;
}

async function pump(call: Call, from: EventStream, client: ClientPipe): Promise<void> {
  const meter = meterOf(call);
  const copy = copyOf(call);
  const framing = framingOf(call);
  let last: Uint8Array | undefined;
  let broken = 'the stream ended early';
  try {
    for await (const frame of framesOf(call, framing, from.body)) {
      if (frame.kind === 'comment') {
        await client.write(frame.bytes);
        continue;
      }
      const { pass, isLast } = meter.take(frame.event);
      const bytes = pass ? framing.encode(pass) : undefined;
      if (bytes) copy?.add(bytes);
      if (isLast) {
        last = bytes;
        break;
      }
      if (bytes) await client.write(bytes);
    }
  } catch (error) {
    broken = `the stream broke (${reasonOf(error)})`;
  }
  await endStream(call, client, meter, { last, broken, answer: () => wholeAnswer(call, from, meter, copy) });
}

interface StreamEnd {
  /** The last event, which waits for the charge. */
  last: Uint8Array | undefined;
  /** Why there is none. */
  broken: string;
  answer: () => StoredAnswer | undefined;
}

async function endStream(
  call: Call,
  client: ClientPipe,
  meter: StreamMeter,
  { last, broken, answer }: StreamEnd,
): Promise<void> {
  const reading = meter.isComplete() ? meter.usage() : undefined;
  const ending: Ending = reading
    ? { kind: 'usage', reading, servedModel: meter.servedModel() }
    : { kind: 'unknown', reason: meter.isComplete() ? 'the stream carried no usage' : broken };
  const settled = await settle(call, ending, answer);
  if (meter.isComplete()) {
    if (last) await client.write(last);
  } else if (!meter.sawError()) {
    const message = `The answer broke off: ${broken}. It is charged at its hold until evidence corrects it.`;
    await breakOff(call, client, meter, message);
  }
  await client.close();
  await settled.rest;
}

const copyOf = ({ gateway, caller }: Call): AnswerCopy | undefined =>
  gateway.answers?.keepsFor(caller) ? new AnswerCopy() : undefined;

/** What may be given again; undefined for a stream that broke or ended in an error. */
function wholeAnswer(
  call: Call,
  { status, headers }: EventStream,
  meter: StreamMeter,
  copy: AnswerCopy | undefined,
): StoredAnswer | undefined {
  const body = meter.isComplete() && !meter.sawError() ? copy?.bytes() : undefined;
  return (
    body && { status, headers: storedHeaders(call, { headers, servedModel: meter.servedModel() }), body }
  );
}

/** The provider's events, and, where its framing has one, a comment of our own whenever it is silent. */
async function* framesOf(
  call: Call,
  { keepAlive, decoder }: StreamFraming,
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<StreamFrame> {
  const framesIn = decoder();
  const reader = body.getReader();
  try {
    let pending = reader.read();
    for (;;) {
      const next =
        keepAlive === undefined
          ? await pending
          : await unlessSilent(call, pending, call.gateway.timing.streamKeepAlive);
      if (next === 'silent') {
        yield { kind: 'comment', bytes: keepAlive! };
        continue;
      }
      if (next.done) return;
      const frames = framesIn(next.value);
      pending = reader.read();
      pending.catch(() => undefined); // looked at in the next turn, or never
      yield* frames;
    }
  } finally {
    void readOut(call, reader);
  }
}

/** Whatever follows the last event is read and dropped, so that the connection can be used again. */
async function readOut(call: Call, reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const patience = call.gateway.clock.timer(SECOND);
  const rest = (async () => {
    while (!(await reader.read()).done);
  })().catch(() => undefined);
  await Promise.race([rest, patience.ended]);
  patience.stop();
  await reader.cancel().catch(() => undefined);
}

/** The client's end: takes bytes while the client is there; once it left, writes vanish and upstream is drained. */
class ClientPipe {
  readonly readable: ReadableStream<Uint8Array>;
  private readonly presence: ClientPresence;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  private wanted: (() => void) | undefined;

  constructor(presence: ClientPresence) {
    this.presence = presence;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => this.wanted?.(),
        cancel: () => presence.leave(),
      },
      { highWaterMark: 1 },
    );
  }

  /** Resolves when the client can take more, or has left. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.room();
    if (!this.presence.hasLeft()) this.controller.enqueue(bytes);
  }

  /** Resolves when the client has read everything, or has left. */
  async close(): Promise<void> {
    this.presence.done();
    await this.room();
    if (!this.presence.hasLeft()) this.controller.close();
  }

  private async room(): Promise<void> {
    if (this.presence.hasLeft() || this.controller.desiredSize! > 0) return;
    const pulled = new Promise<void>((resolve) => (this.wanted = resolve));
    await Promise.race([pulled, this.presence.left]);
  }
}

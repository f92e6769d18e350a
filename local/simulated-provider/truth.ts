/**
 * What the simulated provider knows and a real one keeps to itself: every request as it arrived, what was billed
 * for it, and how it ended. In memory and, for tests that kill processes, as a log of the bills.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { readJsonObject, type JsonObject } from '../../lambdas/core/json-document.ts';

export type EndpointName =
  | 'openai-chat'
  | 'openai-responses'
  | 'openai-embeddings'
  | 'openai-images'
  | 'openai-transcription'
  | 'openai-speech'
  | 'openai-input-tokens'
  | 'anthropic-messages'
  | 'anthropic-count-tokens'
  | 'bedrock-converse';

/** Disjoint, but for `reasoning`, which stands inside `output`. */
export interface BilledTokens {
  /** Neither read from a cache nor written to one. */
  input: number;
  cacheRead: number;
  /** Of the provider's default lifetime: 5 minutes at Anthropic. */
  cacheWrite: number;
  cacheWrite1h: number;
  output: number;
  reasoning: number;
  /** In place of tokens: of the sound that was heard. */
  seconds?: number;
  /** In place of tokens: of the text that was spoken. */
  characters?: number;
}

export type SimulatedOutcome =
  /** Not over yet. */
  | 'open'
  /** The whole answer was made, whether or not the client stayed for it. */
  | 'answered'
  /** Answered with an error status. */
  | 'refused'
  /** The connection was reset, before or within the answer. */
  | 'reset'
  /** Never answered: the client gave up. */
  | 'hung'
  /** The stream ended with the dialect's error event. */
  | 'failed'
  /** Ended cleanly without its end. */
  | 'ended_early';

/** A request as it arrived, and what became of it so far. */
export class SimulatedRequest {
  /** The request id that the answer carries. */
  readonly id: string;
  readonly endpoint: EndpointName | 'unknown';
  readonly dialect: 'openai' | 'anthropic' | 'bedrock';
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly receivedAtEpochMs: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty for a form. */
  readonly bodyText: string;
  /** The file of a form. */
  file: { name: string; type: string; bytes: number; sha256: string } | null = null;
  /** As asked and as served; null before the body is understood. */
  model: string | null = null;
  servedModel: string | null = null;
  serviceTier: string | null = null;
  stream = false;
  /** The directive's `tag`. */
  tag: string | null = null;
  /** Null: nothing was billed. */
  billed: BilledTokens | null = null;
  /** Of the answer, also of one that nobody received; null when none was begun. */
  status: number | null = null;
  outcome: SimulatedOutcome = 'open';
  client: 'waiting' | 'stayed' | 'left' = 'waiting';

  constructor(
    arrived: Pick<
      SimulatedRequest,
      'id' | 'endpoint' | 'dialect' | 'method' | 'path' | 'receivedAtEpochMs' | 'headers' | 'bodyText'
    >,
  ) {
    this.id = arrived.id;
    this.endpoint = arrived.endpoint;
    this.dialect = arrived.dialect;
    this.method = arrived.method;
    this.path = arrived.path;
    this.receivedAtEpochMs = arrived.receivedAtEpochMs;
    this.headers = arrived.headers;
    this.bodyText = arrived.bodyText;
  }

  /** Undefined when the text is no JSON object. Read anew each time: a benchmark keeps many requests. */
  get body(): JsonObject | undefined {
    return readJsonObject(this.bodyText);
  }
}

/** Beyond either, the oldest tenth is dropped, and counted. */
const KEPT_REQUESTS_MAX = 100_000;
const KEPT_BODY_CHARACTERS_MAX = 256 * 1024 * 1024;

export class Truth {
  /** Requests that were dropped to bound memory. Zero in any test. */
  dropped = 0;
  #requests: SimulatedRequest[] = [];
  #bodyCharacters = 0;
  #open = 0;
  #waiting: (() => void)[] = [];
  readonly #log: number | undefined;

  constructor(logFile: string | undefined) {
    this.#log = logFile === undefined ? undefined : openSync(logFile, 'a');
  }

  requests(): SimulatedRequest[] {
    return [...this.#requests];
  }

  received(request: SimulatedRequest): void {
    this.#requests.push(request);
    this.#bodyCharacters += request.bodyText.length;
    this.#open += 1;
    if (this.#requests.length > KEPT_REQUESTS_MAX || this.#bodyCharacters > KEPT_BODY_CHARACTERS_MAX) {
      this.#dropOldest(Math.ceil(this.#requests.length / 10));
    }
  }

  /** The bill is in the log when this returns. */
  bill(request: SimulatedRequest, tokens: BilledTokens): void {
    request.billed = tokens;
    if (this.#log === undefined) return;
    const { id, endpoint, dialect, model, servedModel, serviceTier, stream, tag } = request;
    const at = request.receivedAtEpochMs;
    const line = { at, id, endpoint, dialect, model, servedModel, serviceTier, stream, tag, billed: tokens };
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }

  /** Both the answer and the client have come to their end. */
  ended(): void {
    this.#open -= 1;
    if (this.#open === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no request is open. */
  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  forget(): void {
    this.#requests = [];
    this.#bodyCharacters = 0;
    this.dropped = 0;
  }

  close(): void {
    if (this.#log !== undefined) closeSync(this.#log);
  }

  #dropOldest(count: number): void {
    for (const { bodyText } of this.#requests.splice(0, count)) this.#bodyCharacters -= bodyText.length;
    this.dropped += count;
  }
}

/** What the simulated endpoints have in common: how each is asked, and what it says. */
import type { JsonObject, JsonValue } from '../../lambdas/core/json-document.ts';
import type { Directives, ErrorStatus, Word } from './directives.ts';
import type { BilledTokens, EndpointName } from './truth.ts';

/** Why a request is refused, as a sentence, and the member that it is about. */
export interface Problem {
  message: string;
  param: string | null;
}

/** What one call asks for. */
export interface Asked {
  body: JsonObject;
  model: string;
  stream: boolean;
  /** The text where directives stand. */
  prompt: string;
  inputTokens: number;
  /** What is made where it is no text. */
  madeTokens?: number;
  /** Billed in place of tokens. */
  units?: Pick<BilledTokens, 'seconds' | 'characters'>;
  /** Of each choice; undefined where the request sets none. */
  outputTokensMax: number | undefined;
  choices: number;
  serviceTier: string | null;
  /** Names of the function tools on offer. */
  tools: string[];
}

/** What a model made of it: generation.ts. */
export interface Generation {
  asked: Asked;
  directives: Directives;
  /** The part that all ids of an answer share. */
  id: string;
  createdAtEpochSeconds: number;
  model: string;
  serviceTier: string | null;
  /** What is billed, and what the usage block says. */
  tokens: BilledTokens;
  /** Of each choice. Reasoning is billed and not shown. */
  text: string;
  /** In place of the text. */
  tool: { name: string; arguments: string } | undefined;
  /** The output limit ended it. */
  isCut: boolean;
  /** Pieces in which a stream brings the text. */
  chunks: number;
}

/** An event of a stream as it stands on the wire. */
export type Written = string | Uint8Array;

/** The events of a stream, ready to be written. */
export interface StreamedAnswer {
  /** Server-sent events where left out. */
  contentType?: string;
  opening: Written[];
  /** The pieces of the text. An answer that breaks off has the first half of them. */
  content: Written[];
  closing: Written[];
  /** The dialect's error event, in place of all that would follow so many events. */
  failure: (eventsBefore: number) => Written;
}

/** An answer that is no JSON. */
export class Sound {
  readonly type: string;
  readonly bytes: Uint8Array;

  constructor(type: string, bytes: Uint8Array) {
    this.type = type;
    this.bytes = bytes;
  }
}

export interface SimulatedEndpoint {
  name: EndpointName;
  dialect: SimulatedDialect;
  /** What of `[[sim]]` it can do. */
  words: ReadonlySet<Word>;
  makesText: boolean;
  isFree: boolean;
  /** Takes multipart/form-data; its file is `{ name, type, bytes }` of the body. */
  takesForm?: true;
  read(body: JsonObject): { asked: Asked } | { problem: Problem };
  answer(made: Generation): JsonObject | Sound;
  /** Undefined where the endpoint never streams. */
  stream: ((made: Generation) => StreamedAnswer) | undefined;
}

export interface SimulatedDialect {
  name: 'openai' | 'anthropic' | 'bedrock';
  /** Headers of every answer, but for its type and length. */
  headers(requestId: string): Record<string, string | string[]>;
  /** Beside them where it is an error. */
  errorHeaders?(status: ErrorStatus | 405): Record<string, string>;
  error(status: ErrorStatus | 405, problem: Problem | undefined, requestId: string): JsonObject;
}

const ANY_ENDPOINT: readonly Word[] = [
  ...(['input', 'delay', 'chunks', 'chunk-delay', 'silent', 'status', 'retry-after'] as const),
  ...(['reset', 'hang', 'end', 'tag'] as const),
];
const BILLED: readonly Word[] = [...ANY_ENDPOINT, 'served', 'no-usage', 'bad-usage', 'unbilled'];
const WITH_TEXT: readonly Word[] = [
  ...BILLED,
  ...(['output', 'overrun', 'cached', 'cache-write', 'reasoning', 'tool', 'service-tier', 'error'] as const),
];
export const FREE_WORDS: ReadonlySet<Word> = new Set(ANY_ENDPOINT);
export const BILLED_WORDS: ReadonlySet<Word> = new Set(BILLED);
export const MEDIA_WORDS: ReadonlySet<Word> = new Set([...BILLED, 'output', 'overrun', 'error'] as const);
export const TEXT_WORDS: ReadonlySet<Word> = new Set(WITH_TEXT);

export const refuse = (message: string, param: string | null = null): { problem: Problem } => ({
  problem: { message, param },
});

/** What the directives leave of a usage block: all of it, nothing, or counts that are none. */
export function reportedUsage(usage: JsonObject, directives: Directives): JsonObject | undefined {
  if (directives['no-usage']) return undefined;
  if (!directives['bad-usage']) return usage;
  return Object.fromEntries(
    Object.entries(usage).map(([name, value]) => [name, typeof value === 'number' ? -1 : value]),
  );
}

export const isPositiveInteger = (value: JsonValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;

export const dataEvent = (data: JsonObject): string => `data: ${JSON.stringify(data)}\n\n`;
/** Named by its own `type`. */
export const namedEvent = (data: JsonObject & { type: string }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

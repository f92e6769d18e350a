/** What every endpoint of the simulated provider shares: what was asked, what is answered, and at what bill. */
import type { JsonObject, JsonValue } from '../../lambdas/core/json-document.ts';
import type { Directives } from './directives.ts';
import { argumentsOfTokens, DEFAULT_OUTPUT_TOKENS, inPieces, textOfTokens } from './tokens.ts';
import type { BilledTokens, EndpointName } from './truth.ts';

export type Dialect = 'openai' | 'anthropic';

/** A request as its endpoint reads it. */
export interface Asked {
  model: string;
  stream: boolean;
  /** Where directives may stand. */
  prompt: string;
  inputTokens: number;
  /** Undefined: the request has no limit of its own. */
  outputTokensMax: number | undefined;
  choices: number;
  serviceTier: string | undefined;
  firstTool: string | undefined;
}

/** One answer, ready to be written in any wire format. */
export interface Answer {
  body: JsonObject;
  asked: Asked;
  directives: Directives;
  /** Unique; each endpoint adds its prefix. */
  id: string;
  createdSeconds: number;
  servedModel: string;
  serviceTier: string | undefined;
  tokens: BilledTokens;
  /** The answer was cut at the request's limit. */
  isCut: boolean;
  toolName: string | undefined;
  /** Text, or arguments of the tool call, of each choice. */
  pieces: string[];
}

export interface SseFrame {
  event?: string;
  data: string;
}

export interface SimulatedEndpoint {
  name: EndpointName;
  dialect: Dialect;
  path: string;
  /** Counting is free, whatever it is asked. */
  isFree: boolean;
  /** A text instead says what is wrong with the request. */
  read(body: JsonObject): Asked | string;
  plain(answer: Answer): JsonObject;
  /** All of the stream; the last frames say that it is complete. */
  frames(answer: Answer): SseFrame[];
  /** Ends a stream that cannot go on. */
  errorFrame(message: string): SseFrame;
}

const PIECES_DEFAULT = 8;

/** What will be answered, and what it is billed; the text is as long as the bill says, but for `overrun`. */
export function answerTo(
  asked: Asked,
  directives: Directives,
  about: { body: JsonObject; id: string; nowMs: number },
): Answer {
  const limit = asked.outputTokensMax ?? Number.POSITIVE_INFINITY;
  const wished = directives.output === 'limit' ? limit : (directives.output ?? DEFAULT_OUTPUT_TOKENS);
  const perChoice = Math.min(Number.isFinite(wished) ? wished : DEFAULT_OUTPUT_TOKENS, limit);
  const reasoning = Math.min(directives.reasoning ?? 0, perChoice);
  const toolName = directives.tool === 'first' ? asked.firstTool : directives.tool;
  const written = perChoice - reasoning;
  const text = toolName === undefined ? textOfTokens(written) : argumentsOfTokens(written);
  return {
    body: about.body,
    asked,
    directives,
    id: about.id,
    createdSeconds: Math.floor(about.nowMs / 1000),
    servedModel: directives.served ?? asked.model,
    serviceTier: directives['service-tier'] ?? asked.serviceTier,
    tokens: {
      ...inputTokens(directives.input ?? asked.inputTokens, directives),
      output: directives.overrun ?? perChoice * asked.choices,
      reasoning: reasoning * asked.choices,
    },
    isCut: directives.output === 'limit' || wished > limit,
    toolName,
    pieces: inPieces(text, directives.chunks ?? PIECES_DEFAULT),
  };
}

/** Cached parts come out of the whole input, so that it stays what was counted. */
function inputTokens(
  total: number,
  directives: Directives,
): Pick<BilledTokens, 'input' | 'cacheRead' | 'cacheWrite' | 'cacheWrite1h'> {
  let left = total;
  const take = (wished: number | undefined): number => {
    const taken = Math.min(wished ?? 0, left);
    left -= taken;
    return taken;
  };
  const cacheRead = take(directives.cached);
  const cacheWrite = take(directives['cache-write']);
  const cacheWrite1h = take(directives['cache-write-1h']);
  return { input: left, cacheRead, cacheWrite, cacheWrite1h };
}

/** A usage block as the directives want it: as it is, left out, or of a shape that no reader understands. */
export function usageMember(usage: JsonObject, directives: Directives): { usage?: JsonValue } {
  if (directives['no-usage']) return {};
  if (directives['bad-usage'])
    return { usage: Object.fromEntries(Object.keys(usage).map((key) => [key, 'x'])) };
  return { usage };
}

/** A member that must be a text. */
export const textMember = (body: JsonObject, name: string): string | undefined =>
  typeof body[name] === 'string' ? body[name] : undefined;
export const countMember = (body: JsonObject, name: string): number | undefined =>
  typeof body[name] === 'number' ? body[name] : undefined;

export const frame = (data: JsonObject, event?: string): SseFrame =>
  event === undefined ? { data: JSON.stringify(data) } : { event, data: JSON.stringify(data) };

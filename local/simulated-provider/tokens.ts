/**
 * How the simulated provider counts: four bytes of text are a token. Plain on purpose, so that a reader can check
 * a charge by hand; it mirrors no tokenizer.
 */
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';

/** What an image costs, whatever its size: its bytes are no text. */
const IMAGE_TOKENS = 16;
const IMAGE_TYPES: ReadonlySet<unknown> = new Set(['image', 'image_url', 'input_image']);
/** Bedrock's blocks have no type: their one member names it. */
const isImage = (block: JsonObject): boolean =>
  IMAGE_TYPES.has(block['type']) || (isObject(block['image']) && 'format' in block['image']);

/**
 * Each text at a token per four bytes begun, each object, number and truth value at one more. Never above the
 * bytes of the same value in JSON: a text has its quotes, an object its braces, an image its type.
 */
export function countTokens(value: JsonValue | undefined): number {
  let sum = 0;
  // A stack of its own: no depth of nesting may end the process.
  const open: (JsonValue | undefined)[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (next === null || next === undefined) continue;
    if (typeof next === 'string') sum += Math.ceil(Buffer.byteLength(next) / 4);
    else if (typeof next !== 'object') sum += 1;
    else if (Array.isArray(next)) for (const element of next) open.push(element);
    else if (isImage(next)) sum += IMAGE_TOKENS;
    else {
      sum += 1;
      for (const member in next) open.push(next[member]);
    }
  }
  return sum;
}

/** 32 tokens: the answer when nothing else is asked, and what longer answers repeat. */
const SENTENCE =
  'This answer comes from the simulated provider of Spendcap. Every four letters of it make one token, ' +
  'and no model ever read you. ';
export const DEFAULT_OUTPUT_TOKENS = SENTENCE.length / 4;

let made = SENTENCE.repeat(256);

/** A text of exactly so many tokens. */
export function textOfTokens(tokens: number): string {
  while (made.length < tokens * 4) made += made;
  return made.slice(0, tokens * 4);
}

/** Arguments of a tool call, JSON of exactly so many tokens; of fewer than four, an empty object. */
export function argumentsOfTokens(tokens: number): string {
  if (tokens < 4) return '{}';
  const text = textOfTokens(tokens);
  return `{"text":"${text.slice(0, tokens * 4 - 11)}"}`;
}

/** Non-empty pieces of about the same length; no more of them than characters or bytes. */
export function inPieces<T extends { length: number; slice(from: number, to: number): T }>(
  whole: T,
  pieces: number,
): T[] {
  const count = Math.min(pieces, whole.length);
  return Array.from({ length: count }, (_, i) =>
    whole.slice(Math.floor((i * whole.length) / count), Math.floor(((i + 1) * whole.length) / count)),
  );
}

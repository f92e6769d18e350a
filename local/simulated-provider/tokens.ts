/**
 * How the simulated provider counts: four bytes of text are a token. Plain on purpose, so that a reader can check
 * a charge by hand; it mirrors no tokenizer.
 */
import { isObject, type JsonValue } from '../../lambdas/core/json-document.ts';

/** What an image costs, whatever its size: its bytes are no text. */
const IMAGE_TOKENS = 16;
const IMAGE_TYPES: ReadonlySet<unknown> = new Set(['image', 'image_url', 'input_image']);

/**
 * Each text at a token per four bytes begun, each object, number and truth value at one more. Never above the
 * bytes of the same value in JSON: a text has its quotes, an object its braces, an image its type.
 */
export function countTokens(value: JsonValue | undefined): number {
  if (typeof value === 'string') return Math.ceil(Buffer.byteLength(value) / 4);
  if (value === null || value === undefined) return 0;
  if (typeof value !== 'object') return 1;
  if (Array.isArray(value)) return value.reduce<number>((sum, element) => sum + countTokens(element), 0);
  if (IMAGE_TYPES.has(value['type'])) return IMAGE_TOKENS;
  let sum = 1;
  for (const member in value) sum += countTokens(value[member]);
  return sum;
}

/** The text of a message: all of its text parts. */
export function textOf(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .filter(Boolean)
    .join('\n');
}

/** 32 tokens: the answer when nothing else is asked, and what longer answers repeat. */
const SENTENCE =
  'This answer comes from the simulated provider of Spendcap. Every four letters of it are one token, ' +
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

/** Non-empty pieces of about the same length; no more of them than characters. */
export function inPieces(text: string, pieces: number): string[] {
  const count = Math.min(pieces, text.length);
  return Array.from({ length: count }, (_, i) =>
    text.slice(Math.floor((i * text.length) / count), Math.floor(((i + 1) * text.length) / count)),
  );
}

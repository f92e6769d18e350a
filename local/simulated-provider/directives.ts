/**
 * What a prompt asks of the simulated provider: `[[sim output=300 delay=50]]` anywhere in the last user message.
 * Every word of the README's table stands here; a word or value that does not is refused by name, so that a
 * misspelt test fails instead of testing something else.
 */
import { isObject, type JsonValue } from '../../lambdas/core/json-document.ts';

const count =
  (max: number) =>
  (text: string | undefined): number | undefined => {
    if (text === undefined || !/^[0-9]{1,15}$/.test(text)) return undefined;
    return Number(text) <= max ? Number(text) : undefined;
  };
const oneOf =
  <T extends string>(...values: T[]) =>
  (text: string | undefined): T | undefined =>
    values.find((value) => value === text);
const name = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
const flag = (text: string | undefined): true | undefined => (text === undefined ? true : undefined);

/** Text is really made for them; what is only billed may be larger. */
const OUTPUT_TOKENS_MAX = 1_000_000;
const tokens = count(1_000_000_000_000);
const milliseconds = count(3_600_000);

export const ERROR_STATUSES = [400, 401, 404, 429, 500, 502, 503, 504, 529] as const;
export type ErrorStatus = (typeof ERROR_STATUSES)[number];

/** Each reads its value; undefined says that it cannot. */
const WORDS = {
  output: (text: string | undefined) => (text === 'limit' ? 'limit' : count(OUTPUT_TOKENS_MAX)(text)),
  overrun: tokens,
  input: tokens,
  cached: tokens,
  'cache-write': tokens,
  'cache-write-1h': tokens,
  reasoning: count(OUTPUT_TOKENS_MAX),
  tool: (text: string | undefined) => (text === undefined ? true : name(text)),
  served: name,
  'service-tier': name,
  geo: name,
  delay: milliseconds,
  chunks: (text: string | undefined) => count(OUTPUT_TOKENS_MAX)(text) || undefined,
  'chunk-delay': milliseconds,
  silent: milliseconds,
  status: (text: string | undefined) => ERROR_STATUSES.find((status) => String(status) === text),
  'retry-after': count(1_000_000),
  reset: (text: string | undefined) =>
    text === 'before' ? text : count(OUTPUT_TOKENS_MAX)(text?.match(/^after-([0-9]+)$/)?.[1]),
  hang: flag,
  end: oneOf('early'),
  error: oneOf('mid'),
  'no-usage': flag,
  'bad-usage': flag,
  unbilled: flag,
  tag: name,
};
export type Word = keyof typeof WORDS;
export type Directives = { [W in Word]?: NonNullable<ReturnType<(typeof WORDS)[W]>> };

export const DIRECTIVE_WORDS = Object.keys(WORDS) as Word[];

const NONE: Directives = {};

const TOOL_RESULTS: ReadonlySet<unknown> = new Set([
  'tool',
  'function',
  'function_call_output',
  'custom_tool_call_output',
]);

/**
 * Where directives stand: the text of the last user message. None where a tool's result follows it, so that a loop
 * of tool calls ends; at Anthropic such a result is itself a user message, without text of its own.
 */
export function directiveText(messages: JsonValue[]): string {
  for (const message of messages.toReversed()) {
    if (!isObject(message)) continue;
    const { role, type, content } = message;
    if (TOOL_RESULTS.has(role) || TOOL_RESULTS.has(type)) return '';
    if (role === 'user') return textOf(content);
  }
  return '';
}

/** All text parts of a message. */
function textOf(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const texts = content.map((part) => (isObject(part) ? part['text'] : undefined));
  return texts.filter((text) => typeof text === 'string').join('\n');
}

/** All directives of a prompt, read as one. */
export function parseDirectives(prompt: string): { directives: Directives } | { problem: string } {
  if (!prompt.includes('[[sim')) return { directives: NONE };
  const directives: Partial<Record<Word, unknown>> = {};
  for (const [, closed, open] of prompt.matchAll(/\[\[sim(?:((?:\s[^\]]*)?)\]\]|(.*))/g)) {
    if (open !== undefined) return { problem: `A directive is not closed: "[[sim${open.slice(0, 80)}".` };
    for (const item of closed!.split(/\s+/).filter(Boolean)) {
      const [word, value] = splitOnce(item);
      if (!Object.hasOwn(WORDS, word)) return { problem: `"${word}" is no word of a [[sim]] directive.` };
      const parsed = WORDS[word as Word](value);
      if (parsed === undefined)
        return { problem: `"${item}" is no [[sim]] directive: "${word}" does not take that.` };
      directives[word as Word] = parsed;
    }
  }
  return { directives: directives as Directives };
}

function splitOnce(item: string): [word: string, value: string | undefined] {
  const at = item.indexOf('=');
  return at === -1 ? [item, undefined] : [item.slice(0, at), item.slice(at + 1)];
}

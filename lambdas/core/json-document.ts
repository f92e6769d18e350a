/**
 * A JSON text that is read once and forwarded as it came (edits: json-edits.ts). Both sides price the same text:
 * duplicate members are refused.
 */
import * as parser from 'jsonc-parser';

/** Node loads the package's UMD build, whose names stand in `default`; bundlers its ES module, which has no such name. */
type Parser = Pick<typeof parser, 'createScanner'>;
const names: Parser & { default?: Parser } = parser;
export const jsonc: Parser = names.default ?? names;

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [name: string]: JsonValue | undefined;
}

export interface JsonDocument {
  text: string;
  value: JsonObject;
}

/** Deeper than any real request or answer; keeps whatever follows objects down within its stack. */
const DEPTH_MAX = 200;

/** Reads an object; otherwise the reason, as a sentence for the caller. */
export function parseJsonDocument(text: string): { document: JsonDocument } | { problem: string } {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return { problem: 'The request body is not valid JSON.' };
  }
  if (!isObject(value)) return { problem: 'The request body must be a JSON object.' };
  const { depth, duplicate } = shapeOf(text, { hasNamesRead: true });
  if (depth > DEPTH_MAX) return { problem: `The request body is nested deeper than ${DEPTH_MAX} levels.` };
  // Of members that stand twice, parsing kept one.
  if (duplicate !== undefined)
    return { problem: `The member "${duplicate}" stands twice in one JSON object.` };
  return { document: { text, value } };
}

/** An object in a text that a provider sent; undefined when it holds anything else, or nests deeper than any answer. */
export function readJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && shapeOf(text, { hasNamesRead: false }).depth <= DEPTH_MAX ? value : undefined;
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Of a text that a parser has taken: how many levels its innermost value is below the whole, and the first name that an
 * object has twice, where names are read. By hand: a scanner that makes tokens, and a walk over the parsed value, each take
 * as long as parsing.
 */
function shapeOf(
  text: string,
  { hasNamesRead }: { hasNamesRead: boolean },
): { depth: number; duplicate: string | undefined } {
  let [open, openMax] = [0, 0];
  let duplicate: string | undefined;
  /** Of the objects that are open, by depth; each takes over the set of the one before it. */
  const namesAt: Set<string>[] = [];
  /** The string before. */
  let [from, to] = [0, 0];
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        from = i;
        i = to = endOfString(text, i);
        break;
      case COLON: {
        // What nests deeper is refused, whatever it holds.
        if (!hasNamesRead || open > DEPTH_MAX + 1) break;
        const name = nameIn(text.slice(from, to + 1));
        const names = (namesAt[open] ??= new Set());
        if (names.has(name)) duplicate ??= name;
        names.add(name);
        break;
      }
      case OPEN_OBJECT:
      case OPEN_LIST:
        open += 1;
        if (open > openMax) openMax = open;
        break;
      case CLOSE_OBJECT:
        namesAt[open]?.clear();
        open -= 1;
        break;
      case CLOSE_LIST:
        open -= 1;
        break;
    }
  }
  return { depth: openMax - 1, duplicate };
}

/** Where the quote stands that closes the one at `from`. */
function endOfString(text: string, from: number): number {
  let i = from + 1;
  while (text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}

/**
 * Everything that a text which a parser has taken says beyond ASCII: itself, and what it writes as escapes. For bounds,
 * in place of a walk over all values.
 */
export function textsIn(text: string): string[] {
  let escaped = '';
  for (let i = text.indexOf('\\'); i !== -1; i = text.indexOf('\\', i + 2))
    if (text[i + 1] === 'u') escaped += String.fromCharCode(parseInt(text.slice(i + 2, i + 6), 16));
  return [text, escaped];
}

const nameIn = (written: string): string =>
  written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);

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
/**
 * More than any real request has, and little enough to be read quickly: a message with parts is some four arrays and
 * objects, and the same few names again.
 */
const PARTS_MAX = 100_000;
const NAMES_MAX = 20_000;

/** Reads an object; otherwise the reason, as a sentence for the caller. */
export function parseJsonDocument(text: string): { document: JsonDocument } | { problem: string } {
  let shape: Shape;
  let value: JsonValue;
  try {
    shape = shapeOf(text, { hasNamesRead: true });
    // Before it is parsed, which is what takes long.
    if (shape.excess !== undefined) return { problem: EXCESS[shape.excess] };
    value = JSON.parse(text) as JsonValue;
  } catch {
    return { problem: 'The request body is not valid JSON.' };
  }
  if (!isObject(value)) return { problem: 'The request body must be a JSON object.' };
  // Of members that stand twice, parsing kept one.
  if (shape.duplicate !== undefined)
    return { problem: `The member "${shape.duplicate}" stands twice in one JSON object.` };
  return { document: { text, value } };
}

const EXCESS = {
  depth: `The request body is nested deeper than ${DEPTH_MAX} levels.`,
  parts: `The request body has more than ${PARTS_MAX} arrays and objects.`,
  names: `The request body has more than ${NAMES_MAX} different names of members.`,
} as const;

/** An object in a text that a provider sent; undefined when it holds anything else, or nests deeper than any answer. */
export function readJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && shapeOf(text, { hasNamesRead: false }).excess === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

interface Shape {
  /** What there is too much of: it was looked over no further. */
  excess?: keyof typeof EXCESS;
  /** The first name that an object has twice, where names are read. */
  duplicate?: string | undefined;
}

/**
 * Of a text that a parser takes; of any other, something or other. Throws SyntaxError on some that none takes. By hand:
 * a scanner that makes tokens, and a walk over the parsed value, each take as long as parsing.
 */
function shapeOf(text: string, { hasNamesRead }: { hasNamesRead: boolean }): Shape {
  let open = 0;
  let parts = 0;
  const names = new NamesSeen();
  let duplicate: string | undefined;
  /** The string before. */
  let [from, to] = [0, 0];
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        from = i;
        i = to = endOfString(text, i);
        break;
      case COLON:
        if (!hasNamesRead || duplicate !== undefined) break;
        duplicate = names.add(nameIn(text.slice(from, to + 1)), open);
        if (names.different > NAMES_MAX) return { excess: 'names' };
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        open += 1;
        parts += 1;
        // The innermost value may be that many levels below the whole.
        if (open > DEPTH_MAX + 1) return { excess: 'depth' };
        if (hasNamesRead && parts > PARTS_MAX) return { excess: 'parts' };
        names.opened(open, parts);
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        open -= 1;
        break;
    }
  }
  return { duplicate };
}

/** Which object had a name last, by depth: as it closes before the next one opens there, that one has it twice. */
class NamesSeen {
  /** Counts a name once for each depth. */
  different = 0;
  private readonly objectOf: Map<string, number>[] = [];
  private readonly objectAt: number[] = [];

  opened(depth: number, object: number): void {
    this.objectAt[depth] = object;
  }

  /** The name, when the object that is open at this depth has it already. */
  add(name: string, depth: number): string | undefined {
    const object = this.objectAt[depth]!;
    const objectOf = (this.objectOf[depth] ??= new Map());
    const before = objectOf.get(name);
    if (before === object) return name;
    if (before === undefined) this.different += 1;
    objectOf.set(name, object);
    return undefined;
  }
}

/** Where the quote stands that closes the one at `from`; the end of the text, where none does. */
function endOfString(text: string, from: number): number {
  let i = from + 1;
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
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

/**
 * A JSON text that is read once and forwarded as it came (edits: json-edits.ts). Both sides price the same text:
 * duplicate members are refused.
 */
import * as parser from 'jsonc-parser';

/** Node loads the package's UMD build, whose names stand in `default`; bundlers its ES module, which has no such name. */
type Parser = Pick<typeof parser, 'createScanner' | 'visit'>;
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
  const members = membersWithin(value, DEPTH_MAX);
  if (members === undefined) {
    return { problem: `The request body is nested deeper than ${DEPTH_MAX} levels.` };
  }
  // Of members that stand twice, parsing kept one.
  if (members !== membersWritten(text))
    return { problem: `The member "${duplicateMember(text)}" stands twice in one JSON object.` };
  return { document: { text, value } };
}

/** An object in a text that a provider sent; undefined when it holds anything else, or nests deeper than any answer. */
export function readJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && membersWithin(value, DEPTH_MAX) !== undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** How many members all objects of the value have; undefined where it nests deeper. */
function membersWithin(value: JsonObject, depthMax: number): number | undefined {
  let members = 0;
  let level: (JsonObject | JsonValue[])[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax) return undefined;
    const below: (JsonObject | JsonValue[])[] = [];
    const take = (child: JsonValue | undefined): void => {
      if (typeof child === 'object' && child !== null) below.push(child);
    };
    for (const parent of level) {
      if (Array.isArray(parent)) parent.forEach(take);
      else
        for (const name in parent) {
          members += 1;
          take(parent[name]);
        }
    }
    level = below;
  }
  return members;
}

/** As many as there are colons outside of strings. */
function membersWritten(text: string): number {
  let members = 0;
  const scanner = jsonc.createScanner(text, true);
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan())
    if (text[scanner.getTokenOffset()] === ':') members += 1;
  return members;
}

function duplicateMember(text: string): string | undefined {
  const open: Set<string>[] = [];
  let duplicate: string | undefined;
  jsonc.visit(text, {
    onObjectBegin: () => {
      open.push(new Set());
    },
    onObjectProperty: (name) => {
      const names = open.at(-1)!;
      if (names.has(name)) duplicate ??= name;
      names.add(name);
    },
    onObjectEnd: () => {
      open.pop();
    },
  });
  return duplicate;
}

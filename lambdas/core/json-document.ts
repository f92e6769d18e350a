/**
 * A JSON text that is read once and forwarded as it came: edits touch the members that they name and leave
 * every other byte, order and number as it was. Both sides price the same text: duplicate members are refused.
 */
import * as parser from 'jsonc-parser';

/** Node loads the package's UMD build, whose names stand in `default`; bundlers its ES module, which has no such name. */
type Parser = Pick<typeof parser, 'applyEdits' | 'modify' | 'visit'>;
const names: Parser & { default?: Parser } = parser;
const jsonc: Parser = names.default ?? names;

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [name: string]: JsonValue | undefined;
}

export interface JsonDocument {
  text: string;
  value: JsonObject;
}

/** Deeper than any real request; keeps the parsers below within their stack. */
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
  if (isDeeperThan(value, DEPTH_MAX)) {
    return { problem: `The request body is nested deeper than ${DEPTH_MAX} levels.` };
  }
  const duplicate = duplicateMember(text);
  if (duplicate !== undefined)
    return { problem: `The member "${duplicate}" stands twice in one JSON object.` };
  return { document: { text, value } };
}

/** Sets one member (`undefined` removes it) and returns the new text. The path's parents exist or are made. */
export function withMember(text: string, path: string[], value: JsonValue | undefined): string {
  return jsonc.applyEdits(text, jsonc.modify(text, path, value, {}));
}

/** An object in a text that a provider sent; undefined when it holds anything else. */
export function readJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isDeeperThan(value: JsonValue, depthMax: number): boolean {
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax) return true;
    const below: JsonValue[] = [];
    for (const parent of level) {
      if (typeof parent !== 'object' || parent === null) continue;
      for (const child of Object.values(parent)) {
        if (typeof child === 'object' && child !== null) below.push(child);
      }
    }
    level = below;
  }
  return false;
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

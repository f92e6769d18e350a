/**
 * An upper bound of input tokens without a tokenizer: tokenizers take quadratic time on hostile text, this
 * takes one pass. A token of a byte-level vocabulary covers at least one byte of UTF-8, and the raw body is at
 * least as long as the text in it. Vocabularies that normalise text first (NFKC, Claude's of 2023) may see more
 * bytes than were sent, 11 times as many for U+FDFA; the longer of NFKD and NFD of each code point bounds that.
 */
import type { JsonObject, JsonValue } from '../json-document.ts';
import { divCeil, sumOf } from '../money.ts';
import { decimal } from './ratio.ts';

export interface InputBoundQuestion {
  /** Length of the raw request body in UTF-8 bytes. */
  bodyBytes: bigint;
  /** The body as parsed JSON; a list of strings is one, too. */
  json: JsonValue;
  /** Tokens that no byte of the body stands for: images, files, tool prompts, server-side state. */
  constants?: readonly bigint[];
  /** See `bounds.bytesPerTokenFloor` of the price card. */
  bytesPerTokenFloor?: string;
}

export function inputTokensMax(question: InputBoundQuestion): bigint {
  const { bodyBytes, json, constants = [], bytesPerTokenFloor = '1' } = question;
  const bytes = bodyBytes + BigInt(excessBytes(json));
  const floor = decimal(bytesPerTokenFloor);
  return divCeil(bytes * floor.d, floor.n) + sumOf(constants);
}

/** Bytes that normalisation can add to all texts of a JSON value, names of members included. */
export function excessBytes(json: JsonValue): number {
  let excess = 0;
  // A stack of our own: JSON may be nested deeper than calls may.
  const open: (JsonValue[] | JsonObject)[] = [[json]];
  const take = (value: JsonValue | undefined): void => {
    if (typeof value === 'string') excess += excessOfText(value);
    else if (typeof value === 'object' && value !== null) open.push(value);
  };
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) for (const element of value) take(element);
    else
      for (const name in value) {
        excess += excessOfText(name);
        take(value[name]);
      }
  }
  return excess;
}

/** Never `normalize()` on a whole text: it is quadratic on combining marks (1 MB took 265 s). */
function excessOfText(text: string): number {
  let excess = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x80) continue;
    // The second half of a pair comes once more by itself: it adds nothing.
    const codePoint = text.codePointAt(i)!;
    if (excessPlusOne[codePoint] === 0) excessPlusOne[codePoint] = excessOf(codePoint) + 1;
    excess += excessPlusOne[codePoint]! - 1;
  }
  return excess;
}

/** One byte a code point, filled as they come; the largest excess of Unicode is 30. */
const excessPlusOne = new Uint8Array(0x110000);

/** NFKD is the longest form of every code point but U+1E9B, whose NFD is a byte longer. */
function excessOf(codePoint: number): number {
  const text = String.fromCodePoint(codePoint);
  const longest = Math.max(bytesOf(text.normalize('NFKD')), bytesOf(text.normalize('NFD')));
  return Math.max(0, longest - bytesOf(text));
}

const encoder = new TextEncoder();
const bytesOf = (text: string): number => encoder.encode(text).length;

/**
 * Values and items as DynamoDB's JSON: validation, canonical form, order, equality and size. Of the types only
 * S, N, BOOL, NULL, L and M; numbers are whole.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { mapValues } from '../items.ts';
import { invalid, unsupported } from './errors.ts';

/** Never changed in place: a write replaces it, so that answers may share it. */
export type StoredItem = Readonly<Record<string, AttributeValue>>;

const ITEM_BYTES_MAX = 400 * 1024;
const DIGITS_MAX = 38;
const DEPTH_MAX = 32;
const CANONICAL_NUMBER = /^(?:0|-?[1-9][0-9]{0,37})$/;
const WHOLE_NUMBER = /^[+-]?[0-9]+$/;

export const own = (map: StoredItem, name: string): AttributeValue | undefined =>
  Object.hasOwn(map, name) ? map[name] : undefined;

/** A validated copy, numbers in canonical text. */
export function canonicalItem(item: StoredItem): Record<string, AttributeValue> {
  if (Object.hasOwn(item, ''))
    throw invalid('One or more parameter values were invalid: empty attribute name');
  return mapValues(item, canonicalValue);
}

export function canonicalValue(value: AttributeValue): AttributeValue {
  if (value.S !== undefined) return { S: value.S };
  if (value.N !== undefined) return { N: canonicalNumber(value.N) };
  if (value.M !== undefined) return { M: canonicalItem(value.M) };
  if (value.L !== undefined) return { L: value.L.map(canonicalValue) };
  if (value.BOOL !== undefined) return { BOOL: value.BOOL };
  if (value.NULL !== undefined) return { NULL: true };
  throw unsupported(`attribute values of type ${Object.keys(value).join()}`);
}

function canonicalNumber(text: string): string {
  if (CANONICAL_NUMBER.test(text)) return text;
  if (!WHOLE_NUMBER.test(text)) {
    if (Number.isNaN(Number(text)) || text.trim() === '') {
      throw invalid(`The parameter cannot be converted to a numeric value: ${text}`);
    }
    throw unsupported(`numbers that are not whole, or have an exponent: ${text}`);
  }
  return numberText(BigInt(text));
}

/** Throws where DynamoDB would have to round: we never do. */
export function numberText(value: bigint): string {
  const text = value.toString();
  if (text.length > (value < 0n ? DIGITS_MAX + 1 : DIGITS_MAX)) {
    throw invalid('Attempting to store more than 38 significant digits in a Number');
  }
  return text;
}

export const typeOf = (value: AttributeValue): string => Object.keys(value)[0] ?? 'nothing';

export function equals(a: AttributeValue, b: AttributeValue): boolean {
  if (a.S !== undefined) return a.S === b.S;
  if (a.N !== undefined) return a.N === b.N;
  if (a.BOOL !== undefined) return a.BOOL === b.BOOL;
  if (a.NULL !== undefined) return b.NULL !== undefined;
  if (a.L !== undefined) {
    const { L: other } = b;
    return other?.length === a.L.length && a.L.every((element, i) => equals(element, other[i]!));
  }
  const { M: left } = a;
  const { M: right } = b;
  if (!left || !right) return false;
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => {
    const other = own(right, name);
    return other !== undefined && equals(left[name]!, other);
  });
}

/** Negative, zero or positive; undefined where the two have no order. */
export function compare(a: AttributeValue, b: AttributeValue): number | undefined {
  if (a.N !== undefined && b.N !== undefined) {
    const [left, right] = [BigInt(a.N), BigInt(b.N)];
    return left < right ? -1 : Number(left > right);
  }
  if (a.S !== undefined && b.S !== undefined) return compareText(a.S, b.S);
  return undefined;
}

/** Order of the UTF-8 bytes, which is DynamoDB's and SQLite's. JavaScript's own differs beyond U+FFFF. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left !== right) return byUtf8(left) - byUtf8(right);
  }
  return a.length - b.length;
}
/** Lifts surrogates, which begin at D800 but stand for code points above FFFF, over all others. */
const byUtf8 = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x2800 : unit);

/** The least text above every text that begins with `prefix`; undefined if there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last < 0x10ffff) {
      return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
    }
  }
  return undefined;
}

/** In keys: SQLite's binding cuts a text at NUL, and lone surrogates are no UTF-8, so two keys would become one. */
export function refuseBadText(key: string): void {
  if (/[\0\p{Surrogate}]/u.test(key)) throw unsupported('NUL and lone surrogates in a key');
}

export function refuseTooLarge(item: StoredItem, message: string): void {
  if (itemBytes(item) > ITEM_BYTES_MAX) throw invalid(message);
}

/** As DynamoDB counts: names and values in UTF-8, 3 bytes a list or map and 1 an element. Throws if nested too deep. */
export function itemBytes(item: StoredItem, depth = 0): number {
  if (depth >= DEPTH_MAX) throw invalid('Nesting Levels have exceeded supported limits');
  let bytes = 0;
  for (const name of Object.keys(item)) bytes += Buffer.byteLength(name) + valueBytes(item[name]!, depth + 1);
  return bytes;
}

function valueBytes(value: AttributeValue, depth: number): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return Math.ceil(significantDigits(value.N) / 2) + 1;
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemBytes(value.M, depth);
  if (value.L !== undefined) {
    if (depth >= DEPTH_MAX) throw invalid('Nesting Levels have exceeded supported limits');
    return value.L.reduce((bytes, element) => bytes + 1 + valueBytes(element, depth + 1), 3);
  }
  return 1;
}

/** Without sign and trailing zeros. */
function significantDigits(number: string): number {
  let end = number.length;
  while (number[end - 1] === '0') end -= 1;
  return number.startsWith('-') ? end - 1 : end;
}

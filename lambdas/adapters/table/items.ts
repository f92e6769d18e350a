/**
 * Items between our own types and DynamoDB's JSON. Numbers are bigint on our side, always. Not by
 * @aws-sdk/util-dynamodb 3.996.9: it takes a map with an entry named `constructor` for a class instance and refuses
 * it, and loses one named `__proto__`; names of caps and apps are entries of our maps.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item, ItemValue } from '../../core/ports.ts';

export const toWire = (item: Record<string, ItemValue>): Record<string, AttributeValue> =>
  mapValues(item, valueToWire);

/** Throws on a number that is not whole: we store none. */
export const fromWire = (item: Record<string, AttributeValue>): Item => mapValues(item, valueFromWire);

function valueToWire(value: ItemValue): AttributeValue {
  if (value === null) return { NULL: true };
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'bigint') return { N: value.toString() };
  if (typeof value === 'boolean') return { BOOL: value };
  // The compiler forbids others, a cast does not. Beyond 2^53 a number would lose money without a word.
  if (typeof value !== 'object')
    throw new TypeError(`Not a value of an item: ${String(value)}, a ${typeof value}`);
  return Array.isArray(value) ? { L: value.map(valueToWire) } : { M: mapValues(value, valueToWire) };
}

function valueFromWire(value: AttributeValue): ItemValue {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return BigInt(value.N);
  if (value.M !== undefined) return mapValues(value.M, valueFromWire);
  if (value.L !== undefined) return value.L.map(valueFromWire);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.NULL !== undefined) return null;
  throw new TypeError(`We store no attribute of type ${Object.keys(value).join()}`);
}

/** `__proto__` is an entry like any other. A loop, since every item of every answer goes through it. */
export function mapValues<From, To>(
  map: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> {
  const mapped: Record<string, To> = {};
  for (const name of Object.keys(map)) {
    const value = change(map[name]!);
    if (name !== '__proto__') mapped[name] = value;
    else Object.defineProperty(mapped, name, { value, configurable: true, enumerable: true, writable: true });
  }
  return mapped;
}

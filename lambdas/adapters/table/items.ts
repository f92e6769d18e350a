/** Items between our own types and DynamoDB's JSON. Numbers are bigint on our side, always. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Item, ItemValue } from '../../core/ports.ts';

export function toWire(item: Record<string, ItemValue>): Record<string, AttributeValue> {
  refuseNumbers(item);
  return marshall(item);
}

/** Throws on a number that is not whole: we store none. */
export function fromWire(item: Record<string, AttributeValue>): Item {
  return unmarshall(item, { wrapNumbers: BigInt }) as Item;
}

/** A JS number in an item is a bug: beyond 2^53 it would lose money without a word. */
function refuseNumbers(value: unknown): void {
  if (typeof value === 'number') throw new TypeError(`A number in an item must be a bigint: ${value}`);
  if (value !== null && typeof value === 'object') Object.values(value).forEach(refuseNumbers);
}

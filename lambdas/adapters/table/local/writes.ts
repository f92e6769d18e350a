/** The writes: each is checked against everything but the item, and then asked what it makes of the item. */
import type {
  AttributeValue,
  ConditionCheck,
  Delete,
  DeleteItemInput,
  Put,
  PutItemInput,
  Update,
  UpdateItemInput,
} from '@aws-sdk/client-dynamodb';
import {
  canonicalItem,
  own,
  refuseBadText,
  refuseTooLarge,
  typeOf,
  type StoredItem,
} from './attribute-values.ts';
import { Bindings } from './bindings.ts';
import { invalid } from './errors.ts';
import { holds, updated } from './evaluate.ts';
import { parseCondition, parseUpdate, type ConditionNode, type Parsed } from './expressions.ts';
import type { Key } from './store.ts';

export interface Write {
  key: Key;
  /** Whether its condition holds for the item as it stands. */
  holds(old: StoredItem | undefined): boolean;
  /** The item afterwards, undefined for none. Throws a ValidationException where the item cannot be updated so. */
  next(old: StoredItem | undefined): StoredItem | undefined;
  /** Whether a refusal carries the item. */
  returnsOldOnRefusal: boolean;
}

const KEY_NAMES = ['pk', 'sk'] as const;
const KEY_BYTES_MAX = { pk: 2048, sk: 1024, gpk: 2048, gsk: 1024 };

export function updateWrite(input: UpdateItemInput | Update): Write {
  const key = keyOf(input.Key);
  const condition = conditionOf(input);
  const update = input.UpdateExpression === undefined ? undefined : parseUpdate(input.UpdateExpression);
  const bindings = bind(input, { ConditionExpression: condition, UpdateExpression: update });
  if (condition) bindings.checkCondition(condition.tree, 'ConditionExpression');
  if (update) bindings.checkUpdate(update.tree, KEY_NAMES);
  return write(input, key, condition, bindings, (old) => {
    const base = old ?? { pk: { S: key.pk }, sk: { S: key.sk } };
    const item = update ? updated(update.tree, base, bindings) : base;
    refuseTooLarge(item, 'Item size to update has exceeded the maximum allowed size');
    refuseBadIndexKeys(item);
    return item;
  });
}

export function putWrite(input: PutItemInput | Put): Write {
  const item = canonicalItem(input.Item ?? {});
  const key = keyIn(item, (name) =>
    invalid(`One or more parameter values were invalid: Missing the key ${name} in the item`),
  );
  refuseTooLarge(item, 'Item size has exceeded the maximum allowed size');
  refuseBadIndexKeys(item);
  return conditional(input, key, () => item);
}

export const deleteWrite = (input: DeleteItemInput | Delete): Write =>
  conditional(input, keyOf(input.Key), () => undefined);

export const conditionCheck = (input: ConditionCheck): Write =>
  conditional(input, keyOf(input.Key), (old) => old);

/** The key of a request, which has nothing but the key. */
export function keyOf(key: StoredItem | undefined): Key {
  const mismatch = (): Error => invalid('The provided key element does not match the schema');
  if (!key || Object.keys(key).length !== KEY_NAMES.length) throw mismatch();
  return keyIn(key, mismatch);
}

interface Conditional {
  ConditionExpression?: string | undefined;
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Record<string, AttributeValue> | undefined;
  ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE' | undefined;
}

function conditional(input: Conditional, key: Key, next: Write['next']): Write {
  const condition = conditionOf(input);
  const bindings = bind(input, { ConditionExpression: condition });
  if (condition) bindings.checkCondition(condition.tree, 'ConditionExpression');
  return write(input, key, condition, bindings, next);
}

function write(
  input: Conditional,
  key: Key,
  condition: Parsed<ConditionNode> | undefined,
  bindings: Bindings,
  next: Write['next'],
): Write {
  return {
    key,
    holds: (old) => !condition || holds(condition.tree, old, bindings),
    next,
    returnsOldOnRefusal: input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
  };
}

const conditionOf = ({ ConditionExpression: text }: Conditional): Parsed<ConditionNode> | undefined =>
  text === undefined ? undefined : parseCondition(text, 'ConditionExpression');

function bind(input: Conditional, expressions: ConstructorParameters<typeof Bindings>[2]): Bindings {
  return new Bindings(input.ExpressionAttributeNames, input.ExpressionAttributeValues, expressions);
}

function keyIn(item: StoredItem, missing: (name: string) => Error): Key {
  const [pk, sk] = KEY_NAMES.map((name) => {
    const value = own(item, name);
    if (!value) throw missing(name);
    if (value.S === undefined) {
      throw invalid(
        `One or more parameter values were invalid: Type mismatch for key ${name} expected: S actual: ${typeOf(value)}`,
      );
    }
    if (value.S === '') {
      throw invalid(
        `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: ${name}`,
      );
    }
    checkKeyText(name, value.S);
    return value.S;
  });
  return { pk: pk!, sk: sk! };
}

function refuseBadIndexKeys(item: StoredItem): void {
  for (const name of ['gpk', 'gsk'] as const) {
    const value = own(item, name);
    if (!value) continue;
    if (value.S === undefined) {
      throw invalid(
        `One or more parameter values were invalid: Type mismatch for Index Key ${name} Expected: S Actual: ${typeOf(value)} IndexName: byTime`,
      );
    }
    if (value.S === '') {
      throw invalid(
        `One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: byTime, IndexKey: ${name}`,
      );
    }
    checkKeyText(name, value.S);
  }
}

function checkKeyText(name: keyof typeof KEY_BYTES_MAX, text: string): void {
  refuseBadText(text);
  if (Buffer.byteLength(text) <= KEY_BYTES_MAX[name]) return;
  throw invalid(
    `One or more parameter values were invalid: Size of ${name} has exceeded the maximum size limit of ${KEY_BYTES_MAX[name]} bytes`,
  );
}

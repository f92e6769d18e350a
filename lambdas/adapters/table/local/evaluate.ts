/** Conditions and updates evaluated on an item, as DynamoDB does. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { compare, equals, numberText, own, type StoredItem } from './attribute-values.ts';
import type { Bindings } from './bindings.ts';
import { invalid, unsupported } from './errors.ts';
import type { Comparator, ConditionNode, ConditionOperand, SetValue, UpdateTree } from './expressions.ts';

const NOTHING: StoredItem = {};

/** True where the condition holds; a missing item is one without attributes. */
export function holds(tree: ConditionNode, item: StoredItem | undefined, bindings: Bindings): boolean {
  const operand = (node: ConditionOperand): AttributeValue | undefined => {
    if (node.kind === 'value') return bindings.value(node);
    if (node.kind === 'path') return at(item ?? NOTHING, bindings.path(node));
    return sizeOf(at(item ?? NOTHING, bindings.path(node.of)));
  };
  switch (tree.kind) {
    case 'and':
      return holds(tree.left, item, bindings) && holds(tree.right, item, bindings);
    case 'or':
      return holds(tree.left, item, bindings) || holds(tree.right, item, bindings);
    case 'not':
      return !holds(tree.term, item, bindings);
    case 'exists':
      return at(item ?? NOTHING, bindings.path(tree.path)) !== undefined;
    case 'absent':
      return at(item ?? NOTHING, bindings.path(tree.path)) === undefined;
    case 'compare':
      return compares(tree.comparator, operand(tree.left), operand(tree.right));
    case 'between': {
      const value = operand(tree.operand);
      return compares('>=', value, operand(tree.low)) && compares('<=', value, operand(tree.high));
    }
    case 'begins_with': {
      const prefix = operand(tree.prefix)?.S;
      return prefix !== undefined && operand(tree.operand)?.S?.startsWith(prefix) === true;
    }
  }
}

/** With a missing operand or two types, only `<>` holds. */
function compares(
  comparator: Comparator,
  left: AttributeValue | undefined,
  right: AttributeValue | undefined,
): boolean {
  if (comparator === '=') return left !== undefined && right !== undefined && equals(left, right);
  if (comparator === '<>') return left === undefined || right === undefined || !equals(left, right);
  const order = left && right && compare(left, right);
  if (order === undefined) return false;
  switch (comparator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function sizeOf(value: AttributeValue | undefined): AttributeValue | undefined {
  if (value?.M) return { N: String(Object.keys(value.M).length) };
  if (value?.L) return { N: String(value.L.length) };
  if (value?.S === undefined) return undefined;
  // DynamoDB's documentation does not say of what: bytes, code points or UTF-16 units.
  if (/[^\0-\x7f]/.test(value.S)) throw unsupported('size() of a string beyond ASCII');
  return { N: String(value.S.length) };
}

/** The item after the update. Every right-hand side reads `old`, also those of paths set before it. */
export function updated(tree: UpdateTree, old: StoredItem, bindings: Bindings): StoredItem {
  const changes: { path: string[]; value: AttributeValue | undefined }[] = [];
  for (const { path, value } of tree.sets) {
    changes.push({ path: bindings.path(path), value: evaluate(value, old, bindings) });
  }
  for (const { path, value } of tree.adds) {
    const where = bindings.path(path);
    if (where.length > 1) throw unsupported('ADD to a nested path');
    const before = at(old, where) ?? { N: '0' };
    changes.push({ path: where, value: sum(before, '+', bindings.value(value)) });
  }
  for (const path of tree.removes) changes.push({ path: bindings.path(path), value: undefined });
  return changes.reduce((item, { path, value }) => replaced(item, path, value), old);
}

function evaluate(node: SetValue, old: StoredItem, bindings: Bindings): AttributeValue {
  switch (node.kind) {
    case 'value':
      return bindings.value(node);
    case 'path': {
      const value = at(old, bindings.path(node));
      if (value) return value;
      throw invalid('The provided expression refers to an attribute that does not exist in the item');
    }
    case 'if_not_exists':
      return at(old, bindings.path(node.path)) ?? evaluate(node.otherwise, old, bindings);
    case 'sum':
      return sum(evaluate(node.left, old, bindings), node.sign, evaluate(node.right, old, bindings));
  }
}

function sum(left: AttributeValue, sign: '+' | '-', right: AttributeValue): AttributeValue {
  if (left.N === undefined || right.N === undefined) {
    throw invalid('An operand in the update expression has an incorrect data type');
  }
  const [a, b] = [BigInt(left.N), BigInt(right.N)];
  return { N: numberText(sign === '+' ? a + b : a - b) };
}

function at(item: StoredItem, path: readonly string[]): AttributeValue | undefined {
  let level: StoredItem | undefined = item;
  let value: AttributeValue | undefined;
  for (const part of path) {
    value = level && own(level, part);
    if (!value) return undefined;
    level = value.M;
  }
  return value;
}

/** A copy with the value at the path; without a value, with nothing there. Maps on the way must exist. */
function replaced(item: StoredItem, path: readonly string[], value: AttributeValue | undefined): StoredItem {
  const [first, ...rest] = path as [string, ...string[]];
  if (rest.length > 0) {
    const below = own(item, first)?.M;
    if (!below) throw invalid('The document path provided in the update expression is invalid for update');
    return { ...item, [first]: { M: replaced(below, rest, value) } };
  }
  if (value) return { ...item, [first]: value };
  if (!Object.hasOwn(item, first)) return item;
  return Object.fromEntries(Object.entries(item).filter(([name]) => name !== first));
}

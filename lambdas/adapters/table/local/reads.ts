/** Query and scan: the key condition as a range, and a page of it. */
import type { QueryInput, QueryOutput, ScanInput } from '@aws-sdk/client-dynamodb';
import { afterPrefix, itemBytes, own, refuseBadText, type StoredItem } from './attribute-values.ts';
import { Bindings } from './bindings.ts';
import { invalid } from './errors.ts';
import { parseCondition, type ConditionNode, type ConditionOperand } from './expressions.ts';
import type { ItemStore, Range } from './store.ts';

/** DynamoDB ends a page after this much. */
const PAGE_BYTES_MAX = 1024 * 1024;
const BATCH = 200;

export function readPage(store: ItemStore, range: Range, limit: number | undefined): QueryOutput {
  if (limit !== undefined && limit < 1) {
    throw invalid(
      `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1`,
    );
  }
  const items: StoredItem[] = [];
  let bytes = 0;
  let { after } = range;
  for (;;) {
    const batch = store.read({ ...range, after }, Math.min(BATCH, (limit ?? Infinity) - items.length));
    for (const item of batch) {
      items.push(item);
      bytes += itemBytes(item);
      // Like DynamoDB, a full page says that there is more even where there is not.
      if (items.length === limit || bytes >= PAGE_BYTES_MAX) {
        return { ...counted(items), LastEvaluatedKey: positionOf(item, range.of) };
      }
    }
    const last = batch.at(-1);
    if (!last || batch.length < BATCH) return counted(items);
    after = startAfter(positionOf(last, range.of), range.of);
  }
}

export const scanRange = (input: ScanInput): Range => ({
  of: 'table',
  partition: undefined,
  lower: undefined,
  upper: undefined,
  after: startAfter(input.ExclusiveStartKey, 'table'),
  descending: false,
});

export function queryRange(input: QueryInput): Range {
  const of = input.IndexName === undefined ? 'table' : 'byTime';
  if (input.IndexName !== undefined && input.IndexName !== 'byTime') {
    throw invalid(`The table does not have the specified index: ${input.IndexName}`);
  }
  if (of === 'byTime' && input.ConsistentRead) {
    throw invalid('Consistent reads are not supported on global secondary indexes');
  }
  const condition = parseCondition(input.KeyConditionExpression ?? '', 'KeyConditionExpression');
  const bindings = new Bindings(input.ExpressionAttributeNames, input.ExpressionAttributeValues, {
    KeyConditionExpression: condition,
  });
  bindings.checkCondition(condition.tree, 'KeyConditionExpression');
  const range: Range = {
    of,
    partition: undefined,
    lower: undefined,
    upper: undefined,
    after: startAfter(input.ExclusiveStartKey, of),
    descending: input.ScanIndexForward === false,
  };
  const names = of === 'table' ? { partition: 'pk', sort: 'sk' } : { partition: 'gpk', sort: 'gsk' };
  const seen = new Set<string>();
  for (const clause of clausesOf(condition.tree)) {
    const name = narrow(range, clause, names, bindings);
    if (seen.has(name)) {
      throw invalid('KeyConditionExpressions must only contain one condition per key');
    }
    seen.add(name);
  }
  if (range.partition === undefined) {
    throw invalid(`Query condition missed key schema element: ${names.partition}`);
  }
  return range;
}

/** Narrows the range to one clause and says which key it is about. */
function narrow(
  range: Range,
  clause: ConditionNode,
  names: { partition: string; sort: string },
  bindings: Bindings,
): string {
  const nameOf = (node: ConditionOperand): string => {
    const path = node.kind === 'path' ? bindings.path(node) : [];
    const [name] = path;
    if (path.length === 1 && (name === names.partition || name === names.sort)) return name;
    throw invalid('Invalid condition in KeyConditionExpression: No key attribute specified');
  };
  const textOf = (node: ConditionOperand): string => {
    const text = node.kind === 'value' ? bindings.value(node).S : undefined;
    if (text !== undefined) {
      refuseBadText(text);
      return text;
    }
    throw invalid(
      'One or more parameter values were invalid: Condition parameter type does not match schema type',
    );
  };
  if (clause.kind === 'compare' && clause.comparator === '=' && nameOf(clause.left) === names.partition) {
    range.partition = textOf(clause.right);
    return names.partition;
  }
  let name: string;
  switch (clause.kind) {
    case 'compare': {
      name = nameOf(clause.left);
      const text = textOf(clause.right);
      const bound = { text, inclusive: clause.comparator.endsWith('=') };
      if (clause.comparator === '<>') throw invalid('Unsupported operator on KeyCondition: operator: <>');
      if (!clause.comparator.startsWith('<')) range.lower = bound;
      if (!clause.comparator.startsWith('>')) range.upper = bound;
      break;
    }
    case 'between':
      name = nameOf(clause.operand);
      range.lower = { text: textOf(clause.low), inclusive: true };
      range.upper = { text: textOf(clause.high), inclusive: true };
      break;
    case 'begins_with': {
      name = nameOf(clause.operand);
      const prefix = textOf(clause.prefix);
      const end = afterPrefix(prefix);
      range.lower = { text: prefix, inclusive: true };
      range.upper = end === undefined ? undefined : { text: end, inclusive: false };
      break;
    }
    case 'and':
    case 'or':
    case 'not':
    case 'exists':
    case 'absent':
      throw invalid(`Invalid operator used in KeyConditionExpression: ${clause.kind}`);
  }
  if (name === names.partition) throw invalid('Query key condition not supported');
  return name;
}

const clausesOf = (tree: ConditionNode): ConditionNode[] =>
  tree.kind === 'and' ? [...clausesOf(tree.left), ...clausesOf(tree.right)] : [tree];

function startAfter(position: StoredItem | undefined, of: Range['of']): Range['after'] {
  if (!position) return undefined;
  const [pk, sk, gsk] = ['pk', 'sk', 'gsk'].map((name) => own(position, name)?.S);
  const complete = Object.keys(position).length === (of === 'table' ? 2 : 4);
  if (!complete || pk === undefined || sk === undefined || (of === 'byTime' && gsk === undefined)) {
    throw invalid('The provided starting key is invalid');
  }
  [pk, sk, gsk ?? ''].forEach(refuseBadText);
  return { pk, sk, gsk: gsk ?? '' };
}

function positionOf(item: StoredItem, of: Range['of']): Record<string, { S: string }> {
  const names = of === 'table' ? ['pk', 'sk'] : ['pk', 'sk', 'gpk', 'gsk'];
  return Object.fromEntries(names.map((name) => [name, { S: item[name]!.S! }]));
}

const counted = (items: StoredItem[]): QueryOutput => ({
  Items: items,
  Count: items.length,
  ScannedCount: items.length,
});

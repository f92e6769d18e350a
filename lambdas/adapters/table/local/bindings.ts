/**
 * Ties the placeholders of one request to its names and values, and refuses what DynamoDB refuses before it looks
 * at any item: undefined and unused placeholders, overlapping paths, operands of impossible type.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { canonicalValue, compare, typeOf, type StoredItem } from './attribute-values.ts';
import { invalid } from './errors.ts';
import type {
  ConditionLabel,
  ConditionNode,
  ConditionOperand,
  Parsed,
  PathNode,
  SetValue,
  UpdateOperand,
  UpdateTree,
  ValueNode,
} from './expressions.ts';

export class Bindings {
  readonly #names: Record<string, string>;
  readonly #values: Record<string, AttributeValue>;

  constructor(
    names: Record<string, string> | undefined,
    values: StoredItem | undefined,
    expressions: Partial<Record<ConditionLabel | 'UpdateExpression', Parsed<unknown> | undefined>>,
  ) {
    refuseEmpty(names, 'ExpressionAttributeNames');
    refuseEmpty(values, 'ExpressionAttributeValues');
    this.#names = names ?? {};
    this.#values = {};
    for (const [name, value] of Object.entries(values ?? {})) this.#values[name] = canonicalValue(value);
    const used = new Set<string>();
    for (const [label, parsed] of Object.entries(expressions)) {
      for (const placeholder of parsed?.placeholders ?? []) {
        this.#refuseUndefined(placeholder, label);
        used.add(placeholder);
      }
    }
    refuseUnused(this.#names, used, 'ExpressionAttributeNames');
    refuseUnused(this.#values, used, 'ExpressionAttributeValues');
  }

  path(node: PathNode): string[] {
    return node.parts.map((part) => (part.startsWith('#') ? this.#names[part]! : part));
  }

  value(node: ValueNode): AttributeValue {
    return this.#values[node.placeholder]!;
  }

  checkCondition(tree: ConditionNode, label: ConditionLabel): void {
    switch (tree.kind) {
      case 'and':
      case 'or':
        this.checkCondition(tree.left, label);
        this.checkCondition(tree.right, label);
        return;
      case 'not':
        this.checkCondition(tree.term, label);
        return;
      case 'compare':
        if (tree.comparator !== '=' && tree.comparator !== '<>') {
          for (const operand of [tree.left, tree.right]) {
            this.#refuseType(operand, ['S', 'N'], tree.comparator, label);
          }
        }
        this.#refuseSame(tree.left, tree.right, tree.comparator, label);
        return;
      case 'between': {
        for (const operand of [tree.operand, tree.low, tree.high]) {
          this.#refuseType(operand, ['S', 'N'], 'BETWEEN', label);
        }
        this.#refuseInverted(tree.low, tree.high, label);
        return;
      }
      case 'begins_with':
        for (const operand of [tree.operand, tree.prefix]) {
          this.#refuseType(operand, ['S'], 'begins_with', label);
        }
        this.#refuseSame(tree.operand, tree.prefix, 'begins_with', label);
        return;
      case 'exists':
      case 'absent':
        return;
    }
  }

  checkUpdate(tree: UpdateTree, keyNames: readonly string[]): void {
    const paths = [...tree.sets, ...tree.adds].map(({ path }) => path).concat(tree.removes);
    const taken: Trie = new Map();
    for (const path of paths) this.#refuseOverlap(this.path(path), taken);
    for (const path of paths) {
      const first = this.path(path)[0]!;
      if (keyNames.includes(first)) {
        throw invalid(
          `One or more parameter values were invalid: Cannot update attribute ${first}. This attribute is part of the key`,
        );
      }
    }
    for (const { value } of tree.sets) this.#checkSum(value);
    for (const { value } of tree.adds) this.#refuseType(value, ['N'], 'ADD', 'UpdateExpression');
  }

  #checkSum(value: SetValue): void {
    if (value.kind !== 'sum') return;
    for (const side of [value.left, value.right]) {
      let operand: UpdateOperand = side;
      while (operand.kind === 'if_not_exists') operand = operand.otherwise;
      this.#refuseType(operand, ['N'], value.sign, 'UpdateExpression');
    }
  }

  #refuseUndefined(placeholder: string, label: string): void {
    if (placeholder.startsWith('#')) {
      if (Object.hasOwn(this.#names, placeholder)) return;
      throw invalid(
        `Invalid ${label}: An expression attribute name used in the document path is not defined; attribute name: ${placeholder}`,
      );
    }
    if (Object.hasOwn(this.#values, placeholder)) return;
    throw invalid(
      `Invalid ${label}: An expression attribute value used in expression is not defined; attribute value: ${placeholder}`,
    );
  }

  #refuseType(operand: ConditionOperand, types: string[], operator: string, label: string): void {
    if (operand.kind !== 'value') return;
    const type = typeOf(this.value(operand));
    if (types.includes(type)) return;
    throw invalid(
      `Invalid ${label}: Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${type}`,
    );
  }

  #refuseSame(left: ConditionOperand, right: ConditionOperand, operator: string, label: string): void {
    if (left.kind !== 'path' || right.kind !== 'path') return;
    const [first, second] = [this.path(left), this.path(right)];
    if (first.length !== second.length || first.some((part, i) => part !== second[i])) return;
    throw invalid(
      `Invalid ${label}: The first operand must be distinct from the remaining operands for this operator or function; operator: ${operator}, first operand: [${first.join(', ')}]`,
    );
  }

  #refuseInverted(low: ConditionOperand, high: ConditionOperand, label: string): void {
    if (low.kind !== 'value' || high.kind !== 'value') return;
    const [from, to] = [this.value(low), this.value(high)];
    const order = compare(from, to);
    if (order !== undefined && order <= 0) return;
    throw invalid(
      order === undefined
        ? `Invalid ${label}: The BETWEEN operator requires same data type for lower and upper bounds`
        : `Invalid ${label}: The BETWEEN operator requires upper bound to be greater than or equal to lower bound`,
    );
  }

  #refuseOverlap(path: string[], taken: Trie): void {
    let level = taken;
    path.forEach((part, i) => {
      const last = i === path.length - 1;
      const next = level.get(part);
      if (next === 'end' || (next && last)) {
        throw invalid(
          `Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path: [${path.join(', ')}]`,
        );
      }
      if (last) {
        level.set(part, 'end');
        return;
      }
      const below: Trie = next ?? new Map<string, Trie | 'end'>();
      level.set(part, below);
      level = below;
    });
  }
}

type Trie = Map<string, Trie | 'end'>;

function refuseEmpty(map: object | undefined, label: string): void {
  if (map && Object.keys(map).length === 0) throw invalid(`${label} must not be empty`);
}

function refuseUnused(map: object, used: ReadonlySet<string>, label: string): void {
  const unused = Object.keys(map).filter((placeholder) => !used.has(placeholder));
  if (unused.length === 0) return;
  throw invalid(`Value provided in ${label} unused in expressions: keys: {${unused.join(', ')}}`);
}

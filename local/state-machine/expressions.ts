/**
 * JSONata as Step Functions uses it: a text that is `{% … %}` as a whole is an expression, everything else is itself.
 * The subset is the one on which Step Functions and its emulators agree: paths and literal indexes, variables,
 * operators, literals, and a few functions.
 */
import jsonata from 'jsonata';
import { MachineError } from './machine-error.ts';

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** The expression in a text; undefined for a text that stands for itself. */
export const sourceOf = (text: string): string | undefined => /^\{%([\s\S]*)%\}$/.exec(text)?.[1];

/** Bindings without their `$`. An expression without a value is an error, as on Step Functions, and not null. */
export async function evaluate(template: Json, bindings: Record<string, Json>): Promise<Json> {
  if (typeof template === 'string') {
    const source = sourceOf(template);
    return source === undefined ? template : evaluateSource(source, bindings);
  }
  if (Array.isArray(template)) return Promise.all(template.map((entry) => evaluate(entry, bindings)));
  if (typeof template !== 'object' || template === null) return template;
  const members: [string, Json][] = [];
  for (const [name, member] of Object.entries(template))
    members.push([name, await evaluate(member, bindings)]);
  return Object.fromEntries(members);
}

async function evaluateSource(source: string, bindings: Record<string, Json>): Promise<Json> {
  let value: unknown;
  try {
    value = await jsonata(source).evaluate(undefined, bindings);
  } catch (error) {
    throw new MachineError(QUERY_FAILED, `${source.trim()}: ${(error as { message: string }).message}`);
  }
  if (value === undefined) throw new MachineError(QUERY_FAILED, `${source.trim()} has no value`);
  // A sequence of jsonata carries marks that are no part of the value.
  return JSON.parse(JSON.stringify(value)) as Json;
}

const QUERY_FAILED = 'States.QueryEvaluationError';

const FUNCTIONS = new Set('exists string number count round formatNumber merge not sum uppercase'.split(' '));
const OPERATORS = new Set('& = != < <= > >= and or in + - * /'.split(' '));

interface Node {
  type: string;
  value?: unknown;
  steps?: Node[];
  stages?: Node[];
  predicate?: Node[];
  expr?: Node;
  expressions?: (Node | [Node, Node])[];
  lhs?: Node | [Node, Node][];
  rhs?: Node;
  expression?: Node;
  procedure?: Node;
  arguments?: Node[];
  condition?: Node;
  then?: Node;
  else?: Node;
}

/** Why an expression is outside the subset; undefined when it is inside. */
export function problemOfExpression(source: string): string | undefined {
  try {
    return problemOf(jsonata(source).ast() as unknown as Node);
  } catch (error) {
    return `${source.trim()}: ${(error as { message: string }).message}`;
  }
}

function problemOf(node: Node): string | undefined {
  for (const stage of [...(node.stages ?? []), ...(node.predicate ?? [])]) {
    if (stage.type !== 'filter' || stage.expr?.type !== 'number') return 'an index must be a number';
  }
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value':
    case 'variable':
    case 'name':
      return undefined;
    case 'path':
      return firstProblem(node.steps);
    case 'block':
      return (node.expressions?.length ?? 0) === 1
        ? firstProblem(node.expressions as Node[])
        : 'a block is not in the subset';
    case 'binary':
      if (!OPERATORS.has(String(node.value))) return `${String(node.value)} is not in the subset`;
      return firstProblem([node.lhs as Node, node.rhs!]);
    case 'condition':
      return firstProblem([node.condition!, node.then!, ...(node.else ? [node.else] : [])]);
    case 'unary':
      if (node.value === '-') return firstProblem([node.expression!]);
      if (node.value === '[') return firstProblem(node.expressions as Node[]);
      return firstProblem((node.lhs as [Node, Node][]).flat());
    case 'function': {
      const name = String(node.procedure?.value);
      return FUNCTIONS.has(name) ? firstProblem(node.arguments) : `$${name} is not in the subset`;
    }
    default:
      return `${node.type} is not in the subset`;
  }
}

const firstProblem = (nodes: Node[] = []): string | undefined =>
  nodes.map(problemOf).find((problem) => problem !== undefined);

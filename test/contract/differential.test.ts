/**
 * Random sequences of writes on every engine at once: the same answers, and the same items afterwards. Left out of
 * the sequences is what expressions-contract.ts lists as known differences of dynoxide, and sums beyond 38 digits.
 */
import fc from 'fast-check';
import type { AttributeValue, Put, TransactWriteItem, Update } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { engines, type OpenEngine } from './engines.ts';

const RUNS = 150;
const TIME_LIMIT_MS = 20_000;
/** Below this the test has compared next to nothing, however slow the machine. */
const OPERATIONS_MIN = 500;

const KEYS = ['a', 'b', 'c', 'd'].map((pk) => ({ pk: { S: pk }, sk: { S: '-' } }));
const NAMES: Record<string, string> = { '#at': 'at', '#dot': 'a.b', '#m': 'm', '#x': 'x' };
const VALUES: Record<string, AttributeValue> = {
  ':one': { N: '1' },
  ':two': { N: '2' },
  ':minus': { N: '-7' },
  ':big': { N: '12345678901234567890' },
  ':text': { S: 'text' },
  ':te': { S: 'te' },
  ':flag': { BOOL: true },
  ':nil': { NULL: true },
  ':map': { M: { x: { N: '1' }, y: { S: 'q' } } },
  ':deep': { M: { x: { M: { y: { N: '2' } } } } },
  ':none': { M: {} },
  ':list': { L: [{ N: '1' }, { S: 'text' }] },
};

// ---- Expressions

const path = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('n', 'm', 'm.x', 'm.y', 'q') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('s', '#m.#x', 'm.x.y', '#at', '#dot', 'm.#dot', 'q.x', 'pk', 'gpk', 'gsk'),
  },
);
/** That the key is not to be changed dynoxide sees only where the condition holds. */
const target = path.filter((of) => of !== 'pk');
const number = fc.constantFrom(':one', ':two', ':minus', ':big');
const scalar = fc.oneof(number, fc.constantFrom(':text', ':te'));
const value = fc.oneof(scalar, fc.constantFrom(...Object.keys(VALUES)));
const resolved = (text: string): string => text.replace(/#\w+/g, (name) => NAMES[name]!);

const comparison = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: path }, { weight: 1, arbitrary: path.map((p) => `size(${p})`) }),
    fc.constantFrom('=', '<>', '<', '<=', '>', '>='),
    fc.oneof({ weight: 3, arbitrary: scalar }, { weight: 1, arbitrary: path }),
  )
  .filter(([left, , right]) => resolved(left) !== resolved(right))
  .map(([left, operator, right]) => `${left} ${operator} ${right}`);
const equality = fc
  .tuple(path, fc.constantFrom('=', '<>'), value)
  .map(([left, operator, right]) => `${left} ${operator} ${right}`);
const atom = fc.oneof(
  { weight: 4, arbitrary: comparison },
  { weight: 2, arbitrary: equality },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('attribute_exists', 'attribute_not_exists'), path)
      .map(([name, of]) => `${name}(${of})`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(path, fc.constantFrom(':text', ':te'))
      .map(([of, prefix]) => `begins_with(${of}, ${prefix})`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(path, fc.constantFrom(':minus AND :one', ':one AND :big', ':te AND :text', ':te AND :one'))
      .map(([of, bounds]) => `${of} BETWEEN ${bounds}`),
  },
);
/** Parentheses around what is composed, and only there: DynamoDB refuses a second pair. */
const condition: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: atom },
  {
    weight: 2,
    arbitrary: fc.array(atom, { minLength: 2, maxLength: 4 }).map((atoms) => atoms.join(' AND ')),
  },
  { weight: 1, arbitrary: fc.tuple(atom, atom, atom).map(([a, b, c]) => `${a} OR NOT ${b} AND ${c}`) },
  { weight: 1, arbitrary: fc.tuple(atom, atom, atom).map(([a, b, c]) => `(${a} OR ${b}) AND NOT (${c})`) },
);

/** Text as the fallback of if_not_exists in a sum is refused by us at once, by dynoxide only where it is reached. */
const operand = fc.oneof(
  { weight: 3, arbitrary: path },
  { weight: 3, arbitrary: number },
  { weight: 1, arbitrary: value },
  { weight: 1, arbitrary: fc.tuple(path, number).map(([of, other]) => `if_not_exists(${of}, ${other})`) },
);
const set = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(target, value).map(([to, from]) => `${to} = ${from}`) },
  { weight: 1, arbitrary: fc.tuple(target, operand).map(([to, from]) => `${to} = ${from}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(target, operand, fc.constantFrom('+', '-'), operand)
      .map(([to, left, sign, right]) => `${to} = ${left} ${sign} ${right}`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(target, path, value)
      .map(([to, of, other]) => `${to} = if_not_exists(${of}, ${other})`),
  },
  // What the ledger does, and what mostly succeeds.
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('n', 'm.x', 'q'), number)
      .map(([of, by]) => `${of} = if_not_exists(${of}, :one) + ${by}`),
  },
);
const add = fc.tuple(fc.constantFrom('n', 'q', 's', '#at'), number).map(([to, by]) => `${to} ${by}`);

interface Expressions {
  update: string;
  condition: string | undefined;
}
const section = (keyword: string, parts: string[]): string[] =>
  parts.length > 0 ? [`${keyword} ${parts.join(', ')}`] : [];
/** A nested REMOVE comes with the proof that its path is there, for dynoxide is lax. */
const update: fc.Arbitrary<Expressions> = fc
  .record({
    sets: fc.array(set, { minLength: 0, maxLength: 3 }),
    removes: fc.array(target, { maxLength: 1 }),
    adds: fc.array(add, { maxLength: 1 }),
    condition: fc.option(condition, { nil: undefined, freq: 3 }),
  })
  .filter(({ sets, removes, adds }) => sets.length + removes.length + adds.length > 0)
  .map(({ sets, removes, adds, condition }) => {
    const proofs = removes.filter((of) => of.includes('.')).map((of) => `attribute_exists(${of})`);
    const all =
      condition === undefined ? proofs : [...proofs, proofs.length > 0 ? `(${condition})` : condition];
    return {
      update: [...section('SET', sets), ...section('REMOVE', removes), ...section('ADD', adds)].join(' '),
      condition: all.length > 0 ? all.join(' AND ') : undefined,
    };
  });

// ---- Operations

const key = fc.constantFrom(...KEYS);
const item = fc
  .record(
    {
      n: fc.constantFrom(VALUES[':one']!, VALUES[':big']!),
      m: fc.constantFrom(VALUES[':map']!, VALUES[':deep']!, VALUES[':none']!),
      s: fc.constantFrom(VALUES[':text']!),
      gpk: fc.constantFrom(VALUES[':text']!),
      gsk: fc.constantFrom(VALUES[':text']!, VALUES[':te']!),
    },
    { requiredKeys: ['n', 'm'] },
  )
  .chain((attributes) => key.map((of): Record<string, AttributeValue> => ({ ...attributes, ...of })));

type Operation =
  | { kind: 'update'; input: Omit<Update, 'TableName' | 'UpdateExpression'> & { UpdateExpression: string } }
  | { kind: 'put'; input: Omit<Put, 'TableName'> }
  | { kind: 'delete'; input: Omit<Update, 'TableName' | 'UpdateExpression'> };
type Step = Operation | { kind: 'transact'; token: number | undefined; operations: Operation[] };

function placeholders({ condition, update }: Partial<Expressions>): {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Record<string, AttributeValue>;
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD';
} {
  const text = `${condition ?? ''} ${update ?? ''}`;
  const used = <T>(from: Record<string, T>): Record<string, T> | undefined => {
    const found = Object.entries(from).filter(([name]) => new RegExp(`${name}\\b`).test(text));
    return found.length > 0 ? Object.fromEntries(found) : undefined;
  };
  const names = used(NAMES);
  const values = used(VALUES);
  return {
    ...(condition !== undefined && { ConditionExpression: condition }),
    ...(names && { ExpressionAttributeNames: names }),
    ...(values && { ExpressionAttributeValues: values }),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
}

const maybeCondition = fc.option(condition, { nil: undefined, freq: 2 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(key, update).map(([Key, expressions]): Operation => ({
      kind: 'update',
      input: { Key, UpdateExpression: expressions.update, ...placeholders(expressions) },
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(item, maybeCondition).map(([Item, condition]): Operation => ({
      kind: 'put',
      input: { Item, ...placeholders({ condition }) },
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(key, maybeCondition).map(([Key, condition]): Operation => ({
      kind: 'delete',
      input: { Key, ...placeholders({ condition }) },
    })),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: operation },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('transact' as const),
      token: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
      operations: fc.array(operation, { minLength: 1, maxLength: 3 }),
    }),
  },
);

// ---- Comparison

async function perform({ api, tableName: TableName }: OpenEngine, step: Step, run: number): Promise<unknown> {
  try {
    switch (step.kind) {
      case 'update':
        return (await api.updateItem({ TableName, ...step.input, ReturnValues: 'ALL_NEW' })).Attributes;
      case 'put':
        return (await api.putItem({ TableName, ...step.input, ReturnValues: 'ALL_OLD' })).Attributes;
      case 'delete':
        return (await api.deleteItem({ TableName, ...step.input, ReturnValues: 'ALL_OLD' })).Attributes;
      case 'transact':
        await api.transactWriteItems({
          TransactItems: step.operations.map((operation) => transactItem(operation, TableName)),
          ...(step.token !== undefined && { ClientRequestToken: `run-${run}-${step.token}` }),
        });
        return 'done';
    }
  } catch (error) {
    const { name, Item, CancellationReasons } = error as Parameters<DynamoDbApi['putItem']>[0] & {
      name: string;
      CancellationReasons?: { Code?: string; Item?: unknown }[];
    };
    return { name, Item, reasons: CancellationReasons?.map(({ Code, Item }) => ({ Code, Item })) };
  }
}

function transactItem({ kind, input }: Operation, TableName: string): TransactWriteItem {
  switch (kind) {
    case 'update':
      return { Update: { TableName, ...input } };
    case 'put':
      return { Put: { TableName, ...input } };
    case 'delete':
      return { Delete: { TableName, ...input } };
  }
}

async function stateOf({ api, tableName: TableName }: OpenEngine): Promise<unknown> {
  const { Items: table } = await api.scan({ TableName, ConsistentRead: true });
  const { Items: index } = await api.query({
    TableName,
    IndexName: 'byTime',
    KeyConditionExpression: 'gpk = :text',
    ExpressionAttributeValues: { ':text': { S: 'text' } },
  });
  const byKey = (items: Record<string, AttributeValue>[] = []): unknown[] =>
    [...items].sort((a, b) => (a['pk']!.S! < b['pk']!.S! ? -1 : 1));
  return { table: byKey(table), index: byKey(index) };
}

test('random writes end alike on every engine', { timeout: 120_000 }, async () => {
  const open = await Promise.all(engines.map((engine) => engine.open()));
  const [memory, ...others] = open as [OpenEngine, ...OpenEngine[]];
  const own = others.filter((_, i) => engines[i + 1]!.name !== 'dynoxide');
  const outcomes = new Map<string, number>();
  let run = 0;
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 1, maxLength: 50, size: 'max' }),
    async (steps) => {
      run += 1;
      for (const { api, tableName: TableName } of open) {
        for (const Key of KEYS) await api.deleteItem({ TableName, Key });
      }
      for (const step of steps) {
        const answer = await perform(memory, step, run);
        const { name = 'applied' } = (answer ?? {}) as { name?: string };
        // A transaction that is wrong in itself dynoxide carries out as far as it can.
        const asked = step.kind === 'transact' && name === 'ValidationException' ? own : others;
        for (const other of await Promise.all(asked.map((engine) => perform(engine, step, run)))) {
          expect(other).toEqual(answer);
        }
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      }
      const states = await Promise.all(open.map(stateOf));
      for (const state of states.slice(1)) expect(state).toEqual(states[0]);
    },
  );
  const { FUZZ_SEED: seed, FUZZ_PATH: path } = process.env;
  const details = await fc.check(property, {
    numRuns: RUNS,
    interruptAfterTimeLimit: TIME_LIMIT_MS,
    ...(seed !== undefined && { seed: Number(seed) }),
    ...(path !== undefined && { path }),
  });
  await Promise.all(open.map((engine) => engine.close()));
  if (details.failed && !details.interrupted) {
    throw new Error(
      `Engines ${engines.map(({ name }) => name).join(', ')} differ. Replay:\n` +
        `FUZZ_SEED=${details.seed} FUZZ_PATH=${details.counterexamplePath} npx vitest run test/contract/differential.test.ts\n` +
        `${fc.stringify(details.counterexample)}\n${String(details.errorInstance)}`,
    );
  }
  const operations = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  console.log(`Compared ${operations} operations on ${open.length} engines`, Object.fromEntries(outcomes));
  if (path === undefined) {
    expect(operations).toBeGreaterThan(OPERATIONS_MIN);
    // The sequences are worth comparing only if they are neither all refused nor all applied.
    for (const name of ['applied', 'ConditionalCheckFailedException', 'ValidationException']) {
      expect((outcomes.get(name) ?? 0) / operations, name).toBeGreaterThan(0.08);
    }
  }
});

/** What can be seen only of our own engine: time, what it refuses, and that it needs no AWS client. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { afterPrefix, compareText } from '../../lambdas/adapters/table/local/attribute-values.ts';
import { engineNamed, withTable, type Harness } from './setup.ts';

const KEY = { pk: 'L#ada', sk: '-' };
const WIRE_KEY = { pk: { S: 'L#ada' }, sk: { S: '-' } };

describe.each(['memory', 'sqlite'])('engine %s', (name) => {
  const on = (test: (harness: Harness) => Promise<void>) => (): Promise<void> =>
    withTable(engineNamed(name), test);

  test(
    'a token holds for ten minutes',
    on(async ({ table, clock }) => {
      const plan = (): ReturnType<typeof table.transact> =>
        table.transact([{ op: 'update', key: KEY, update: 'ADD n :one', values: { ':one': 1n } }], 'plan');
      await plan();
      clock.advance(599_999);
      await plan();
      expect(await table.get(KEY)).toEqual({ ...KEY, n: 1n });
      clock.advance(1);
      await plan();
      expect(await table.get(KEY)).toEqual({ ...KEY, n: 2n });
    }),
  );

  test(
    'the same transaction with its fields in another order is the same',
    on(async ({ api, tableName: TableName, table }) => {
      const Item = { ...WIRE_KEY, n: { N: '1' } };
      const swapped = { n: { N: '1' }, sk: { S: '-' }, pk: { S: 'L#ada' } };
      const ClientRequestToken = 'plan';
      await api.transactWriteItems({ TransactItems: [{ Put: { TableName, Item } }], ClientRequestToken });
      await table.delete({ key: KEY });
      await api.transactWriteItems({
        ClientRequestToken,
        TransactItems: [{ Put: { Item: swapped, TableName } }],
      });
      expect(await table.get(KEY)).toBeUndefined();
    }),
  );

  test.each([
    ['a fraction', { Item: { ...WIRE_KEY, n: { N: '1.5' } } }, 'not whole'],
    ['an exponent', { Item: { ...WIRE_KEY, n: { N: '1e3' } } }, 'not whole'],
    ['a set', { Item: { ...WIRE_KEY, s: { SS: ['x'] } } }, 'type SS'],
    [
      'a parameter it does not know',
      { Item: WIRE_KEY, ReturnConsumedCapacity: 'TOTAL' as const },
      'Consumed',
    ],
    ['NUL in a key', { Item: { pk: { S: 'a\0b' }, sk: { S: '-' } } }, 'NUL'],
    ['half a surrogate pair in a key', { Item: { pk: { S: 'a\ud83d' }, sk: { S: '-' } } }, 'surrogates'],
    ['an empty key', { Item: { pk: { S: '' }, sk: { S: '-' } } }, 'empty string'],
    ['a missing key', { Item: { pk: { S: 'a' } } }, 'Missing the key sk'],
    ['a long key', { Item: { pk: { S: 'a' }, sk: { S: 'x'.repeat(1025) } } }, '1024 bytes'],
  ])('%s is refused', async (_, input, message) =>
    withTable(engineNamed(name), async ({ api, tableName: TableName, table }) => {
      await expect(api.putItem({ TableName, ...input })).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringContaining(message) as string,
      });
      expect((await table.scan({})).items).toEqual([]);
    }),
  );

  test.each([
    ['IN', 'n IN (:v)', undefined],
    ['contains', 'contains(n, :v)', undefined],
    ['attribute_type', 'attribute_type(n, :v)', undefined],
    ['a list index', 'l[0] = :v', undefined],
    ['DELETE', undefined, 'DELETE n :v'],
    ['list_append', undefined, 'SET n = list_append(n, :v)'],
    ['ADD to a nested path', undefined, 'ADD m.n :v'],
  ])('%s is refused as not built', async (_, condition, update) =>
    withTable(engineNamed(name), async ({ table }) => {
      const write = { key: KEY, update: update ?? 'SET n = :v', values: { ':v': 1n } };
      await expect(table.update(condition === undefined ? write : { ...write, condition })).rejects.toThrow(
        'Not supported by the local engine',
      );
    }),
  );

  test.each([
    ['no partition', 'sk = :p'],
    ['a range of partitions', 'pk > :p'],
    ['two conditions on one key', 'pk = :p AND sk > :p AND sk < :p'],
    ['another attribute', 'pk = :p AND n = :p'],
    ['OR', 'pk = :p OR sk = :p'],
    ['<>', 'pk = :p AND sk <> :p'],
  ])('a key condition with %s is refused', async (_, KeyConditionExpression) =>
    withTable(engineNamed(name), async ({ api, tableName: TableName }) => {
      await expect(
        api.query({ TableName, KeyConditionExpression, ExpressionAttributeValues: { ':p': { S: 'x' } } }),
      ).rejects.toMatchObject({ name: 'ValidationException' });
    }),
  );

  test(
    'a strongly consistent read of the index, an unknown index and a foreign cursor are refused',
    on(async ({ api, tableName: TableName }) => {
      const query = {
        TableName,
        IndexName: 'byTime',
        KeyConditionExpression: 'gpk = :p',
        ExpressionAttributeValues: { ':p': { S: 'x' } },
      };
      await expect(api.query({ ...query, ConsistentRead: true })).rejects.toThrow('Consistent reads');
      await expect(api.query({ ...query, IndexName: 'byName' })).rejects.toThrow('byName');
      await expect(api.query({ ...query, ExclusiveStartKey: WIRE_KEY })).rejects.toThrow('starting key');
    }),
  );
});

test.each([
  ['a', 'b'],
  ['a', 'aa'],
  ['\u{7F}', '\u{80}'],
  ['\u{D7FF}', '\u{E000}'],
  ['\u{FFFF}', '\u{10000}'],
  ['\u{1F600}', '\u{1F601}'],
])('in UTF-8 %j comes before %j', (a, b) => {
  expect(Math.sign(compareText(a, b))).toBe(-1);
  expect(Math.sign(compareText(b, a))).toBe(1);
  expect(compareText(a, a)).toBe(0);
});

test.each([
  ['ab', 'ac'],
  ['a\u{10FFFF}', 'b'],
  ['\u{D7FF}', '\u{E000}'],
  ['\u{FFFF}', '\u{10000}'],
  ['\u{10FFFF}', undefined],
  ['', undefined],
])('behind everything that begins with %j comes %j', (prefix, after) => {
  expect(afterPrefix(prefix)).toBe(after);
});

test('local mode does not load the AWS client', () => {
  const script = `
    import { createRequire } from 'node:module';
    await import('./lambdas/adapters/table/dynamodb-table.ts');
    await import('./lambdas/adapters/table/local/memory-store.ts');
    await import('./lambdas/adapters/table/local/sqlite-engine.ts');
    console.log(Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('@aws-sdk')).length);
    await import('./lambdas/adapters/table/aws.ts');
    console.log(Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('client-dynamodb')));
  `;
  const root = new URL('../..', import.meta.url);
  const printed = execFileSync(
    process.execPath,
    ['--no-warnings', '--import', 'tsx', '--input-type=module', '-e', script],
    { cwd: root, encoding: 'utf8' },
  );
  expect(printed).toBe('0\ntrue\n');
});

import type { DynamoDBRecord } from 'aws-lambda';
import { expect, test } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { toWire } from '../../lambdas/adapters/table/items.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { poolKey } from '../../lambdas/core/ledger/pool.ts';
import { usd } from '../../lambdas/core/money.ts';
import type { Item } from '../../lambdas/core/ports.ts';
import { AccountChanges } from '../../local/account-changes.ts';
import { leafAt, poolAt } from '../escalation/leaves.ts';
import { ManualClock } from '../support/worlds.ts';

const image = (v: bigint, settled: string, more: Partial<Leaf> = {}) =>
  toWire({ ...leafAt(settled), v, ...more } as unknown as Item);
const versions = (records: DynamoDBRecord[]): [string | undefined, string | undefined][] =>
  records.map(({ dynamodb }) => [dynamodb?.OldImage?.['v']?.N, dynamodb?.NewImage?.['v']?.N]);

test('a change of what is settled is told with the image before; a reserve is not told', () => {
  const changes = new AccountChanges();
  changes.seen(image(1n, '1'));
  changes.seen(image(2n, '1'));
  changes.seen(image(3n, '2'));
  expect(versions(changes.take(10))).toEqual([
    [undefined, '1'],
    ['2', '3'],
  ]);
  expect(changes.take(10)).toEqual([]);
});

test('an image that was overtaken is told without an older one, and replaces none', () => {
  const changes = new AccountChanges();
  changes.seen(image(5n, '5'));
  changes.seen(image(3n, '3'));
  changes.seen(image(6n, '6'));
  expect(versions(changes.take(10))).toEqual([
    [undefined, '5'],
    [undefined, '3'],
    ['5', '6'],
  ]);
});

test('what failed is told as a whole at the next change, even where that moves nothing', () => {
  const changes = new AccountChanges();
  changes.seen(image(1n, '1'));
  changes.forget(changes.take(1)[0]!);
  changes.seen(image(2n, '1'));
  expect(versions(changes.take(10))).toEqual([[undefined, '2']]);
});

test('a stage that is set is told; so are overruns and what refusals left, and no other charge', () => {
  const changes = new AccountChanges();
  changes.seen(image(1n, '19'));
  changes.seen(toWire({ ...leafAt('19', { g: 'throttled' }), v: 2n } as unknown as Item));
  changes.seen(toWire({ pk: 'C#one', sk: '-', end: 'settled' }));
  changes.seen(toWire({ pk: 'C#two', sk: '-', end: 'overrun' }));
  changes.seen(toWire({ pk: 'REACHED#three', sk: '-', event: '{}' }));
  changes.seen(toWire({ pk: 'EXECUTION#four', sk: '-' }));
  const told = changes.take(10).map(({ dynamodb }) => dynamodb?.NewImage?.['pk']?.S);
  expect(told).toEqual(['L#user:alice', 'L#user:alice', 'C#two', 'REACHED#three']);
});

const poolImage = (v: bigint, settled: string, leased = '0') =>
  toWire({ ...poolAt(settled, leased), v } as unknown as Item);

test('a pool is told when more of it is settled, and not when some of it goes on lease', () => {
  const changes = new AccountChanges();
  changes.seen(poolImage(1n, '1'));
  changes.seen(poolImage(2n, '1', '10'));
  changes.seen(poolImage(3n, '11'));
  expect(versions(changes.take(10))).toEqual([
    [undefined, '1'],
    ['2', '3'],
  ]);
});

test('what is settled on a lease is not told: it says nothing of its cap', () => {
  const changes = new AccountChanges();
  const lease = (s: bigint) => ({ a: { 'growth-month': { k: 1n, f: 0n, s, l: s } } });
  changes.seen(image(1n, '0', lease(1n)));
  changes.take(10);
  changes.seen(image(2n, '0', lease(2n)));
  expect(changes.take(10)).toEqual([]);
});

test('a transaction is seen: what it put, and the pool that it updated', async () => {
  const changes = new AccountChanges();
  const api = changes.watch(openMemoryEngine({ clock: new ManualClock() }));
  const TableName = 't';
  await api.putItem({ TableName, Item: poolImage(1n, '1') });
  changes.take(10);
  await api.transactWriteItems({
    TransactItems: [
      {
        Update: {
          TableName,
          Key: toWire({ ...poolKey('growth-month') }),
          UpdateExpression: 'SET s = s + :s, f = f - :s, v = v + :one',
          ExpressionAttributeValues: toWire({ ':s': usd('2'), ':one': 1n }),
        },
      },
      { Put: { TableName, Item: image(1n, '1') } },
    ],
  });
  const told = changes.take(10).map(({ dynamodb }) => dynamodb!.NewImage!);
  expect(told.map(({ pk, s }) => [pk!.S, s?.N])).toEqual([
    ['P#growth-month', usd('3').toString()],
    ['L#user:alice', undefined],
  ]);
});

test('other items are not looked at, and who waits is woken', async () => {
  const changes = new AccountChanges();
  let isAwake = false;
  const waiting = changes.arrived().then(() => (isAwake = true));
  changes.seen(toWire({ pk: 'C#one', sk: '-' }));
  await Promise.resolve();
  expect(isAwake).toBe(false);
  changes.seen(image(1n, '1'));
  await waiting;
  expect(versions(changes.take(1))).toEqual([[undefined, '1']]);
});

import type { DynamoDBRecord } from 'aws-lambda';
import { expect, test } from 'vitest';
import { toWire } from '../../lambdas/adapters/table/items.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import type { Item } from '../../lambdas/core/ports.ts';
import { LeafChanges } from '../../local/leaf-changes.ts';
import { leafAt } from '../escalation/leaves.ts';

const image = (v: bigint, settled: string, more: Partial<Leaf> = {}) =>
  toWire({ ...leafAt(settled), v, ...more } as unknown as Item);
const versions = (records: DynamoDBRecord[]): [string | undefined, string | undefined][] =>
  records.map(({ dynamodb }) => [dynamodb?.OldImage?.['v']?.N, dynamodb?.NewImage?.['v']?.N]);

test('a change of what is settled is told with the image before; a reserve is not told', () => {
  const changes = new LeafChanges();
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
  const changes = new LeafChanges();
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
  const changes = new LeafChanges();
  changes.seen(image(1n, '1'));
  changes.forget(changes.take(1)[0]!);
  changes.seen(image(2n, '1'));
  expect(versions(changes.take(10))).toEqual([[undefined, '2']]);
});

test('other items are not looked at, and who waits is woken', async () => {
  const changes = new LeafChanges();
  let isAwake = false;
  const waiting = changes.arrived().then(() => (isAwake = true));
  changes.seen(toWire({ pk: 'C#one', sk: '-' }));
  await Promise.resolve();
  expect(isAwake).toBe(false);
  changes.seen(image(1n, '1'));
  await waiting;
  expect(versions(changes.take(1))).toEqual([[undefined, '1']]);
});

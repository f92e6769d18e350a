/** Pools and leaf as of one moment, whatever moves while they are read. */
import { beforeEach, expect, test } from 'vitest';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { accountOf } from '../../lambdas/core/ledger/books.ts';
import type { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { alice, chargeOf, ledgerOver, ManualClock, SeededIds, testCall, testCap } from '../support/worlds.ts';

const CAP: Cap = testCap('team-day', 'usd', 'day', 100_000n, { scope: { type: 'team', id: 'growth' } });

let api: DynamoDbApi;
let ids: SeededIds;
let ledger: Ledger;
beforeEach(() => {
  api = openMemoryEngine({ clock: new ManualClock() });
  ids = new SeededIds();
  ledger = ledgerOver({ api, tableName: 't' }, new ManualClock(), ids).ledger;
});

async function spend(amount: bigint): Promise<void> {
  const held = await ledger.reserve(testCall([CAP], ids, { picoUsd: amount }));
  if (held.kind !== 'held') throw new Error(held.kind);
  await ledger.finish(chargeOf(held.call, amount), alice);
}

/** A reader for whom `move` happens after each of its first `times` readings of the leaf. */
function readerWhile(move: () => Promise<unknown>, times: number): { reader: Ledger; reads: () => number } {
  let reads = 0;
  const torn: DynamoDbApi = {
    ...api,
    getItem: async (input) => {
      const output = await api.getItem(input);
      if (input.Key?.['pk']?.S === alice.pk) {
        reads += 1;
        if (reads <= times) await move();
      }
      return output;
    },
  };
  return {
    reader: ledgerOver({ api: torn, tableName: 't' }, new ManualClock(), ids).ledger,
    reads: () => reads,
  };
}

test('money that goes home between the readings is counted once', async () => {
  await spend(40n);
  const { reader, reads } = readerWhile(() => ledger.folds.all(CAP), 1);
  const books = await reader.books(alice, [CAP]);
  expect(accountOf(books, CAP)).toMatchObject({ s: 40n, l: 100_000n, f: 99_960n });
  expect(reads()).toBe(2);
});

test('a pool that never rests is shown with no amount above what is true', async () => {
  await spend(40n);
  const { reader, reads } = readerWhile(async () => {
    await spend(5n);
    await ledger.pools.giveBack((await ledger.leaves.read(alice))!, 'team-day');
  }, 100);
  const { s, f } = accountOf(await reader.books(alice, [CAP]), CAP);
  const truth = accountOf(await ledger.books(alice, [CAP]), CAP);
  expect(truth.s).toBe(65n);
  expect(s).toBeLessThanOrEqual(truth.s);
  expect(f).toBeLessThanOrEqual(100_000n - 40n);
  expect(reads()).toBe(5);
});

test('nobody’s lease: the pool alone, read once', async () => {
  await spend(40n);
  const { reader, reads } = readerWhile(() => Promise.resolve(), 0);
  expect(accountOf(await reader.books(undefined, [CAP]), CAP)).toMatchObject({ s: 0n, l: 100_000n });
  expect(reads()).toBe(0);
});

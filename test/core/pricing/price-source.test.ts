/** Prices out of the table, on every engine: how old they may be, what one look costs, what happens without a table. */
import { describe, expect, test } from 'vitest';
import { TableUnavailable, type Table } from '../../../lambdas/core/ports.ts';
import { cardFromItem, cardKey, putCard } from '../../../lambdas/core/pricing/price-items.ts';
import { PriceRecords } from '../../../lambdas/core/pricing/price-records.ts';
import { StoredPrices } from '../../../lambdas/core/pricing/price-source.ts';
import { engines } from '../../contract/engines.ts';
import { middleIds, withTable } from '../../contract/setup.ts';
import { SeededIds } from '../../support/worlds.ts';
import { testCard } from './cards-for-tests.ts';

const reviewed = [testCard()];
const dearer = testCard({ effectiveFrom: '2026-02-03T04:05:06Z', rates: { input: '3', output: '18' } });

/** Counts what the source reads. */
function counted(table: Table) {
  const reads = { gets: 0, queries: 0 };
  return {
    reads,
    get: (...at: Parameters<Table['get']>) => ((reads.gets += 1), table.get(...at)),
    query: (...at: Parameters<Table['query']>) => ((reads.queries += 1), table.query(...at)),
  };
}

describe.each(engines)('StoredPrices on $name', (engine) => {
  test('a new card is seen after the lag at the latest, and one small read a lag is all it takes', async () => {
    await withTable(engine, async ({ table, clock }) => {
      const { reads, ...counting } = counted(table);
      const prices = new StoredPrices({ table: counting, clock, reviewed });
      const records = new PriceRecords({ table, ids: new SeededIds() });
      const inputRate = async () =>
        (await prices.current()).find('openai-chat', 'm', clock.now())?.rates.input;

      expect(await inputRate()).toBe('2.5');
      expect(await records.change([{ op: 'put', ...putCard(dearer) }])).toBe(true);
      clock.advance(29_999);
      expect(await inputRate()).toBe('2.5');
      expect(reads).toEqual({ gets: 1, queries: 0 });

      clock.advance(1);
      expect(await inputRate()).toBe('3');
      const afterChange = { ...reads };
      clock.advance(30_000);
      expect(await inputRate()).toBe('3');
      expect(reads).toEqual({ ...afterChange, gets: afterChange.gets + 1 });
    });
  });

  test('who changed a price itself sees it at once', async () => {
    await withTable(engine, async ({ table, clock }) => {
      const prices = new StoredPrices({ table, clock, reviewed });
      await prices.current();
      await new PriceRecords({ table, ids: middleIds }).putOverride({
        ...{ provider: 'openai', model: 'm', from: clock.now() },
        set: { kind: 'factor', factor: '0.5' },
      });
      prices.forget();
      expect((await prices.current()).find('openai-chat', 'm', clock.now())?.rates.input).toBe('1.25');
    });
  });

  test('a card is written once: the second of its id changes nothing', async () => {
    await withTable(engine, async ({ table }) => {
      const records = new PriceRecords({ table, ids: new SeededIds() });
      await records.change([{ op: 'put', ...putCard(dearer) }]);
      const forged = { ...dearer, rates: { ...dearer.rates, output: '0.01' } };
      expect(await records.change([{ op: 'put', ...putCard(forged) }])).toBe(false);
      expect(cardFromItem((await table.get(cardKey(dearer.id)))!)).toStrictEqual(dearer);
    });
  });

  test('a card whose name stands for a reviewed model prices nothing, and is still found by its charges', async () => {
    await withTable(engine, async ({ table, clock }) => {
      const thief = testCard({ model: 'thief', aliases: ['m'], effectiveFrom: '2026-03-01' });
      await new PriceRecords({ table, ids: middleIds }).change([{ op: 'put', ...putCard(thief) }]);
      const book = await new StoredPrices({ table, clock, reviewed }).current();
      expect(book.find('openai-chat', 'm', clock.now())).toBe(reviewed[0]);
      expect(book.find('openai-chat', 'thief', clock.now())).toBeUndefined();
      expect(book.leftOut.map(({ reason }) => reason)).toEqual([
        '"openai-chat m" stands for openai/m@2026-01-01 and for openai/thief@2026-03-01',
      ]);
      expect(book.byId(thief.id)).toStrictEqual(thief);
    });
  });

  test('two changes at once are both there', async () => {
    await withTable(engine, async ({ table, clock }) => {
      const records = new PriceRecords({ table, ids: new SeededIds() });
      const cards = ['a', 'b', 'c'].map((model) => testCard({ model }));
      await Promise.all(cards.map((card) => records.change([{ op: 'put', ...putCard(card) }])));
      const book = await new StoredPrices({ table, clock, reviewed }).current();
      for (const { id } of cards) expect(book.byId(id)?.id).toBe(id);
    });
  });
});

test('without the table there are no prices, whatever was known before', async () => {
  await withTable(engines[0]!, async ({ table, clock }) => {
    let isAway = false;
    const flaky: Pick<Table, 'get' | 'query'> = {
      get: async (key) => {
        if (isAway) throw new TableUnavailable('away');
        return table.get(key);
      },
      query: (query) => table.query(query),
    };
    const prices = new StoredPrices({ table: flaky, clock, reviewed });
    await prices.current();
    isAway = true;
    await prices.current();
    clock.advance(30_000);
    await expect(prices.current()).rejects.toThrow(TableUnavailable);
  });
});

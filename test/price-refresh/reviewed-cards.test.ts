/** Cards of the release on every engine: what is new is written and told once; what stands is never written again. */
import { describe, expect, test } from 'vitest';
import { TableUnavailable, type Table } from '../../lambdas/core/ports.ts';
import { cardFromItem, cardKey } from '../../lambdas/core/pricing/price-items.ts';
import { pricesChangedSchema, type PricesChanged } from '../../lambdas/core/events/prices-changed.ts';
import { putReviewedCards } from '../../lambdas/price-refresh/reviewed-cards.ts';
import { reviewedCards } from '../../prices/reviewed.ts';
import { engines } from '../contract/engines.ts';
import { withTable } from '../contract/setup.ts';

const [first, second, third] = reviewedCards;
const two = [first!, second!];
const three = [...two, third!];

/** Remembers the news, and fails where it is told to. */
function listener(): { news: PricesChanged[]; tell: (news: PricesChanged) => Promise<void>; fails: boolean } {
  const ear = {
    news: [] as PricesChanged[],
    fails: false,
    tell: async (news: PricesChanged) => {
      if (ear.fails) throw new Error('the bus is away');
      ear.news.push(pricesChangedSchema.parse(news));
    },
  };
  return ear;
}

describe.each(engines)('putReviewedCards on $name', (engine) => {
  test('the whole snapshot at first, then nothing', async () => {
    await withTable(engine, async ({ table }) => {
      const ear = listener();
      const { added, edited } = await putReviewedCards({ table, tell: ear.tell }, reviewedCards);
      expect(added).toHaveLength(reviewedCards.length);
      expect(edited).toEqual([]);
      for (const card of reviewedCards)
        expect(cardFromItem((await table.get(cardKey(card.id)))!)).toStrictEqual(card);

      expect(await putReviewedCards({ table, tell: ear.tell }, reviewedCards)).toEqual({
        added: [],
        edited: [],
      });
      expect(ear.news).toMatchObject([{ version: 1, added, total: reviewedCards.length }]);
    });
  });

  test('a later snapshot tells of what it adds', async () => {
    await withTable(engine, async ({ table }) => {
      const ear = listener();
      await putReviewedCards({ table, tell: ear.tell }, two);
      await putReviewedCards({ table, tell: ear.tell }, three);
      expect(ear.news.map(({ added, total }) => [added, total])).toEqual([
        [[first!.id, second!.id].sort(), 2],
        [[third!.id], 3],
      ]);
      expect(ear.news[0]!.id).not.toBe(ear.news[1]!.id);
    });
  });

  test('an edited card is named, and the table keeps what charges cited', async () => {
    await withTable(engine, async ({ table }) => {
      const ear = listener();
      await putReviewedCards({ table, tell: ear.tell }, two);
      const cheaper = { ...first!, rates: { ...first!.rates, output: '0.01' } };
      const result = await putReviewedCards({ table, tell: ear.tell }, [cheaper, second!]);
      expect(result).toEqual({ added: [], edited: [first!.id] });
      expect(cardFromItem((await table.get(cardKey(first!.id)))!)).toStrictEqual(first);
      expect(ear.news).toHaveLength(1);
    });
  });

  test('news that could not be told is told by the next run, once', async () => {
    await withTable(engine, async ({ table }) => {
      const ear = listener();
      ear.fails = true;
      await expect(putReviewedCards({ table, tell: ear.tell }, two)).rejects.toThrow('the bus is away');
      ear.fails = false;
      await putReviewedCards({ table, tell: ear.tell }, three);
      await putReviewedCards({ table, tell: ear.tell }, three);
      expect(ear.news.map(({ added }) => added)).toEqual([three.map(({ id }) => id).sort()]);
    });
  });

  test('a run that dies among its writes is finished by the next one', async () => {
    await withTable(engine, async ({ table }) => {
      const ear = listener();
      let puts = 0;
      const dying: Pick<Table, 'get' | 'put'> = {
        get: (key) => table.get(key),
        put: async (write) =>
          ++puts > 2 ? { kind: 'unavailable', unanswered: 0, reason: 'away' } : table.put(write),
      };
      await expect(putReviewedCards({ table: dying, tell: ear.tell }, three)).rejects.toThrow(
        TableUnavailable,
      );
      expect(ear.news).toEqual([]);
      await putReviewedCards({ table, tell: ear.tell }, three);
      expect(ear.news.map(({ added }) => added)).toEqual([three.map(({ id }) => id).sort()]);
    });
  });

  test('two runs at once leave nothing to write and nothing untold', async () => {
    await withTable(engine, async ({ table }) => {
      const ear = listener();
      await Promise.all([1, 2].map(() => putReviewedCards({ table, tell: ear.tell }, three)));
      expect(new Set(ear.news.flatMap(({ added }) => added))).toEqual(new Set(three.map(({ id }) => id)));
      expect(await putReviewedCards({ table, tell: ear.tell }, three)).toEqual({ added: [], edited: [] });
    });
  });
});

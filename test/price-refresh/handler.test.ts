/** The scheduled function: one event for what is new, a failed run where the bus does not take it. */
import { expect, test } from 'vitest';
import { createHandler, handler } from '../../lambdas/price-refresh/handler.ts';
import { pricesChangedSchema } from '../../lambdas/price-refresh/prices-changed.ts';
import type { BusEvent } from '../../lambdas/core/ports.ts';
import { reviewedCards } from '../../prices/reviewed.ts';
import { engineNamed, withTable } from '../contract/setup.ts';

const cards = reviewedCards.slice(0, 3);

test('one event at first, then none, and a line with the figures each time', async () => {
  await withTable(engineNamed('memory'), async ({ table, clock }) => {
    const events: BusEvent[] = [];
    const lines: Record<string, unknown>[] = [];
    const bus = {
      publish: async (some: readonly BusEvent[]) => {
        events.push(...some);
        return [];
      },
    };
    const run = createHandler({
      open: () => ({ table, bus, clock }),
      cards,
      log: (line) => lines.push(line),
    });
    await run();
    await run();
    expect(events.map(({ type, detail }) => [type, pricesChangedSchema.parse(detail).total])).toEqual([
      ['PricesChanged', 3],
    ]);
    expect(lines).toMatchObject([
      { kind: 'prices_refreshed', Service: 'price-refresh', PriceCardsAdded: 3, PriceCardsEdited: 0 },
      { kind: 'prices_refreshed', PriceCardsAdded: 0, PriceCardsEdited: 0 },
    ]);
  });
});

test('a bus that does not take the event fails the run, and the next one tells', async () => {
  await withTable(engineNamed('memory'), async ({ table, clock }) => {
    const answers = [[0], []];
    let published = 0;
    const bus = {
      publish: async () => {
        published += 1;
        return answers.shift()!;
      },
    };
    const run = createHandler({ open: () => ({ table, bus, clock }), cards, log: () => undefined });
    await expect(run()).rejects.toThrow('was not taken');
    await run();
    await run();
    expect(published).toBe(2);
  });
});

test('without its environment the function names what is missing', async () => {
  await expect(handler()).rejects.toThrow(/TABLE_NAME.*EVENT_BUS_NAME/);
});

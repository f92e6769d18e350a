/** What our charges of a span come to, and from how many of them on nobody says. */
import { describe, expect, it } from 'vitest';
import type { Table } from '../../../lambdas/core/ports.ts';
import { ourSpend } from '../../../lambdas/core/reconciliation/our-spend.ts';
import { chargedWorld, instant } from '../../rollups/charged-world.ts';

const SPAN = { from: instant('2026-11-01T00:00:00Z'), to: instant('2026-11-03T00:00:00Z') };
const ours = (table: Table) => ourSpend(table, { provider: 'openai', ...SPAN });

/** Each item of an answer so many times. */
const timesOver = (table: Table, times: number): Table =>
  Object.assign(Object.create(table) as Table, {
    query: async (...question: Parameters<Table['query']>) => {
      const page = await table.query(...question);
      return { ...page, items: page.items.flatMap((item) => Array.from({ length: times }, () => item)) };
    },
  });

describe('our spend', () => {
  it('is by day and model, of one provider, whoever called; the end belongs to the next span', async () => {
    const world = chargedWorld();
    for (const [at, cost, user, card] of [
      ['2026-11-01T10:00:00Z', 5n, 'alice', 'openai/m@1'],
      ['2026-11-01T23:59:59Z', 7n, 'bob', 'openai/m@1'],
      ['2026-11-02T00:00:00Z', 11n, 'alice', 'openai/m@2'],
      ['2026-11-02T01:00:00Z', 13n, 'alice', 'anthropic/m@1'],
      ['2026-11-03T00:00:00Z', 17n, 'alice', 'openai/m@2'],
    ] as const)
      await world.spend({ at, cost, user, card });
    const { lines } = (await ours(world.table)) as { lines: object[] };
    expect(lines).toHaveLength(2);
    expect(lines).toEqual(
      expect.arrayContaining([
        { day: '2026-11-01', model: 'm', cost: 12n, input: 6n, output: 4n, calls: 2n, presumed: 0n },
        { day: '2026-11-02', model: 'm', cost: 11n, input: 3n, output: 2n, calls: 1n, presumed: 0n },
      ]),
    );
  });

  it('of more than 50,000 charges is not said, since a part would look like a difference', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-01T10:00:00Z', cost: 5n, card: 'openai/m@1' });
    expect(await ours(timesOver(world.table, 50_000))).toMatchObject({
      lines: [{ calls: 50_000n, cost: 250_000n }],
    });
    expect(await ours(timesOver(world.table, 50_001))).toEqual({ kind: 'too_many', chargesMax: 50_000 });
  });
});

/** What every engine under the adapter must do: query, index and scan. */
import { describe, expect, test } from 'vitest';
import type { Item, Page } from '../../lambdas/core/ports.ts';
import type { NamedEngine } from './engines.ts';
import { withTable, type Harness } from './setup.ts';

const names = ({ items }: Page): unknown[] => items.map((item) => item['sk']);

export function readsContract(engine: NamedEngine): void {
  const on = (test: (harness: Harness) => Promise<void>) => (): Promise<void> => withTable(engine, test);
  const fill = async ({ table }: Harness): Promise<void> => {
    const keys = ['a', 'a1', 'a2', 'b', 'b1', 'ä', '\u{FFFD}', '\u{1F600}'];
    for (const sk of [...keys].reverse()) await table.put({ item: { pk: 'P', sk } });
    await table.put({ item: { pk: 'P2', sk: 'a' } });
    await table.put({ item: { pk: 'O', sk: 'z' } });
  };

  describe(`query on ${engine.name}`, () => {
    test(
      'in order of UTF-8 bytes, both ways, of one partition only',
      on(async (harness) => {
        await fill(harness);
        const { table } = harness;
        const all = ['a', 'a1', 'a2', 'b', 'b1', 'ä', '\u{FFFD}', '\u{1F600}'];
        expect(names(await table.query({ partition: 'P' }))).toEqual(all);
        expect(names(await table.query({ partition: 'P', descending: true }))).toEqual([...all].reverse());
        expect(await table.query({ partition: 'nobody' })).toEqual({ items: [], cursor: undefined });
      }),
    );

    test(
      'prefix and inclusive bounds',
      on(async (harness) => {
        await fill(harness);
        const { table } = harness;
        expect(names(await table.query({ partition: 'P', prefix: 'a' }))).toEqual(['a', 'a1', 'a2']);
        expect(names(await table.query({ partition: 'P', prefix: 'a', descending: true }))).toEqual([
          'a2',
          'a1',
          'a',
        ]);
        expect(names(await table.query({ partition: 'P', prefix: '\u{1F600}' }))).toEqual(['\u{1F600}']);
        expect(names(await table.query({ partition: 'P', from: 'a1', to: 'b' }))).toEqual(['a1', 'a2', 'b']);
        expect(names(await table.query({ partition: 'P', from: 'b1' }))).toEqual([
          'b1',
          'ä',
          '\u{FFFD}',
          '\u{1F600}',
        ]);
        expect(names(await table.query({ partition: 'P', to: 'a1' }))).toEqual(['a', 'a1']);
        expect(names(await table.query({ partition: 'P', from: 'b', to: 'a' }))).toEqual([]);
        await expect(table.query({ partition: 'P', prefix: 'a', from: 'a' })).rejects.toThrow(
          'a prefix or bounds, not both',
        );
      }),
    );

    test(
      'pages go on where they ended, both ways, and also when that item is gone',
      on(async (harness) => {
        await fill(harness);
        const { table } = harness;
        const first = await table.query({ partition: 'P', from: 'a1', to: 'b1', limit: 2 });
        expect(names(first)).toEqual(['a1', 'a2']);
        await table.delete({ key: { pk: 'P', sk: 'a2' } });
        const second = await table.query({
          partition: 'P',
          from: 'a1',
          to: 'b1',
          limit: 5,
          cursor: first.cursor!,
        });
        expect(names(second)).toEqual(['b', 'b1']);
        expect(second.cursor).toBeUndefined();
        const last = await table.query({ partition: 'P', descending: true, limit: 1 });
        const before = await table.query({
          partition: 'P',
          descending: true,
          limit: 2,
          cursor: last.cursor!,
        });
        expect(names(before)).toEqual(['\u{FFFD}', 'ä']);
      }),
    );

    test(
      'a page ends after 1 MB',
      on(async ({ table }) => {
        const text = 'x'.repeat(300_000);
        for (const sk of ['1', '2', '3', '4', '5']) await table.put({ item: { pk: 'P', sk, text } });
        const first = await table.query({ partition: 'P' });
        expect(['1,2,3', '1,2,3,4']).toContain(names(first).join());
        const rest = await table.query({ partition: 'P', cursor: first.cursor! });
        expect([...names(first), ...names(rest)]).toEqual(['1', '2', '3', '4', '5']);
      }),
    );
  });

  describe(`index byTime on ${engine.name}`, () => {
    const charge = (
      pk: string,
      gsk: string,
      more: Item = {},
    ): { item: Item & { pk: string; sk: string } } => ({
      item: { pk, sk: '-', gpk: 'ada', gsk, ...more },
    });
    const ids = ({ items }: Page): unknown[] => items.map((item) => item['pk']);

    test(
      'holds the items that have both of its keys, whole and in order of the second',
      on(async ({ table }) => {
        await table.put(charge('C1', '2026-11-02', { usd: 5n }));
        await table.put(charge('C2', '2026-11-01'));
        await table.put({ item: { pk: 'C3', sk: '-', gpk: 'ada' } });
        await table.put({ item: { pk: 'C4', sk: '-', gpk: 'bob', gsk: '2026-11-01' } });
        const { items } = await table.query({ index: 'byTime', partition: 'ada' });
        expect(items).toEqual([
          { pk: 'C2', sk: '-', gpk: 'ada', gsk: '2026-11-01' },
          { pk: 'C1', sk: '-', gpk: 'ada', gsk: '2026-11-02', usd: 5n },
        ]);
      }),
    );

    test(
      'follows updates, removals and deletions',
      on(async ({ table }) => {
        for (const [pk, day] of [
          ['C1', '2026-11-01'],
          ['C2', '2026-11-02'],
          ['C3', '2026-11-03'],
        ] as const) {
          await table.put(charge(pk, day));
        }
        const values = { ':g': '2026-11-09' };
        await table.update({ key: { pk: 'C1', sk: '-' }, update: 'SET gsk = :g', values });
        await table.update({ key: { pk: 'C2', sk: '-' }, update: 'REMOVE gpk' });
        await table.put({ item: { pk: 'C3', sk: '-', gpk: 'bob', gsk: '2026-11-03' } });
        expect(ids(await table.query({ index: 'byTime', partition: 'ada' }))).toEqual(['C1']);
        expect(ids(await table.query({ index: 'byTime', partition: 'bob' }))).toEqual(['C3']);
        await table.delete({ key: { pk: 'C1', sk: '-' } });
        expect(ids(await table.query({ index: 'byTime', partition: 'ada' }))).toEqual([]);
      }),
    );

    test(
      'pages, also through equal keys, without loss or repeat',
      on(async ({ table }) => {
        for (const pk of ['C1', 'C2', 'C3', 'C4', 'C5']) await table.put(charge(pk, '2026-11-01'));
        await table.put(charge('C6', '2026-10-31'));
        for (const descending of [false, true]) {
          const seen: unknown[] = [];
          let cursor: string | undefined;
          do {
            const page = await table.query({
              index: 'byTime',
              partition: 'ada',
              from: '2026-11-01',
              to: '2026-11-30',
              limit: 2,
              descending,
              ...(cursor !== undefined && { cursor }),
            });
            seen.push(...ids(page));
            cursor = page.cursor;
          } while (cursor !== undefined);
          expect(seen.sort()).toEqual(['C1', 'C2', 'C3', 'C4', 'C5']);
        }
      }),
    );
  });

  describe(`scan on ${engine.name}`, () => {
    test(
      'meets every item once, a page at a time',
      on(async (harness) => {
        await fill(harness);
        const { table } = harness;
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await table.scan({ limit: 3, ...(cursor !== undefined && { cursor }) });
          seen.push(...page.items.map(({ pk, sk }) => `${pk as string}/${sk as string}`));
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(seen.sort()).toEqual(
          ['O/z', 'P/a', 'P/a1', 'P/a2', 'P/b', 'P/b1', 'P/ä', 'P/\u{1F600}', 'P/\u{FFFD}', 'P2/a'].sort(),
        );
      }),
    );
  });
}

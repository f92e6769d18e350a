/** What every engine under the adapter must do: the port Table, operation by operation. */
import { describe, expect, test } from 'vitest';
import type { Item, ItemKey, UpdateWrite } from '../../lambdas/core/ports.ts';
import type { NamedEngine } from './engines.ts';
import { withTable, type Harness } from './setup.ts';

const KEY: ItemKey = { pk: 'L#ada', sk: '-' };
const OTHER: ItemKey = { pk: 'cap-team', sk: '-' };

/** A leaf with 100 free on one account, fence 10. */
const leaf = (): Item & ItemKey => ({
  ...KEY,
  v: 7n,
  t: 10n,
  a: { team: { k: 3n, f: 100n, s: 20n, l: 120n } },
  h: {},
});
/** The hold of 30 that `reserve` makes. */
const HOLD = { at: 11n, x: 5n, c: { team: { k: 3n, n: 30n } } };
const reserve = (amount: bigint, id = 'one', at = 11n): UpdateWrite => ({
  key: KEY,
  condition: 'size(h) < :m AND attribute_not_exists(h.#id) AND t < :at AND a.#0.k = :k0 AND a.#0.f >= :n0',
  update: 'SET v = v + :one, a.#0.f = a.#0.f - :n0, h.#id = :h',
  names: { '#id': id, '#0': 'team' },
  values: {
    ':m': 64n,
    ':at': at,
    ':k0': 3n,
    ':n0': amount,
    ':one': 1n,
    ':h': { at, x: 5n, c: { team: { k: 3n, n: amount } } },
  },
});
const settle = (used: bigint): UpdateWrite => ({
  key: KEY,
  condition: 'h.#id.#at = :at AND a.#0.k = :k0',
  update: 'SET v = v + :one, a.#0.f = a.#0.f + :r0, a.#0.s = a.#0.s + :u0 REMOVE h.#id',
  names: { '#id': 'one', '#at': 'at', '#0': 'team' },
  values: { ':at': 11n, ':k0': 3n, ':one': 1n, ':r0': 30n - used, ':u0': used },
});

export function tableContract(engine: NamedEngine): void {
  const on = (test: (harness: Harness) => Promise<void>) => (): Promise<void> => withTable(engine, test);

  describe(`table on ${engine.name}: the ledger's six expressions`, () => {
    test(
      'reserve deducts and holds; a repeat, a stale fence, another window, too little money are refused with the item',
      on(async ({ table }) => {
        await table.put({ item: leaf() });
        const held = {
          ...leaf(),
          v: 8n,
          a: { team: { k: 3n, f: 70n, s: 20n, l: 120n } },
          h: { one: HOLD },
        };
        expect(await table.update(reserve(30n))).toEqual({ kind: 'applied', item: held, unanswered: 0 });
        const refused = { kind: 'refused', item: held, unanswered: 0 };
        expect(await table.update(reserve(30n))).toEqual(refused);
        expect(await table.update(reserve(30n, 'two', 10n))).toEqual(refused);
        expect(await table.update(reserve(71n, 'two'))).toEqual(refused);
        const write = reserve(30n, 'two');
        expect(await table.update({ ...write, values: { ...write.values, ':k0': 4n } })).toEqual(refused);
        expect(await table.update({ ...write, values: { ...write.values, ':m': 1n } })).toEqual(refused);
        expect(await table.update(reserve(70n, 'two'))).toMatchObject({ kind: 'applied' });
      }),
    );

    test(
      'reserve on a leaf or an account that is not there is refused',
      on(async ({ table }) => {
        expect(await table.update(reserve(30n))).toEqual({
          kind: 'refused',
          item: undefined,
          unanswered: 0,
        });
        await table.put({ item: { ...leaf(), a: {} } });
        expect(await table.update(reserve(30n))).toEqual({
          kind: 'refused',
          item: { ...leaf(), a: {} },
          unanswered: 0,
        });
        expect(await table.get(KEY)).toEqual({ ...leaf(), a: {} });
      }),
    );

    test(
      'settle refunds the rest, counts what was used and removes the hold, once',
      on(async ({ table }) => {
        await table.put({ item: leaf() });
        await table.update(reserve(30n));
        const settled = { ...leaf(), v: 9n, a: { team: { k: 3n, f: 82n, s: 38n, l: 120n } }, h: {} };
        expect(await table.update(settle(18n))).toEqual({ kind: 'applied', item: settled, unanswered: 0 });
        expect(await table.update(settle(18n))).toEqual({ kind: 'refused', item: settled, unanswered: 0 });
      }),
    );

    test(
      'settle of a rolling and of a concurrent account, with the fence',
      on(async ({ table }) => {
        await table.put({
          item: {
            ...leaf(),
            a: {
              day: { k: 0n, f: 5n, s: 4n, l: 12n, b: { '17': 1n, '18': 3n } },
              slots: { k: 0n, f: 1n, s: 0n, l: 2n },
            },
            h: { one: { at: 11n, x: 5n, c: { day: { k: 18n, n: 3n }, slots: { k: 0n, n: 1n } } } },
          },
        });
        const write: UpdateWrite = {
          key: KEY,
          condition:
            'h.#id.#at = :at AND attribute_exists(a.#0.b.#k0) AND attribute_exists(h.#id.c.#1) AND t < :fz',
          update:
            'SET v = v + :one, a.#0.f = a.#0.f + :r0, a.#0.s = a.#0.s + :u0, a.#0.b.#k0 = a.#0.b.#k0 + :u0, ' +
            'a.#1.f = a.#1.f + :one, t = :fz REMOVE h.#id',
          names: { '#id': 'one', '#at': 'at', '#0': 'day', '#k0': '18', '#1': 'slots' },
          values: { ':at': 11n, ':fz': 12n, ':one': 1n, ':r0': 1n, ':u0': 2n },
        };
        const closed = { ...write, names: { ...write.names, '#k0': '19' } };
        expect(await table.update(closed)).toMatchObject({ kind: 'refused' });
        expect(await table.update(write)).toEqual({
          kind: 'applied',
          item: {
            ...leaf(),
            v: 8n,
            t: 12n,
            a: {
              day: { k: 0n, f: 6n, s: 6n, l: 12n, b: { '17': 1n, '18': 5n } },
              slots: { k: 0n, f: 2n, s: 0n, l: 2n },
            },
            h: {},
          },
          unanswered: 0,
        });
      }),
    );

    test(
      'the fence rises and never falls',
      on(async ({ table }) => {
        await table.put({ item: leaf() });
        const raise = (at: bigint): UpdateWrite => ({
          key: KEY,
          condition: 't < :at',
          update: 'SET t = :at, v = v + :one',
          values: { ':at': at, ':one': 1n },
        });
        expect(await table.update(raise(10n))).toMatchObject({ kind: 'refused', item: { t: 10n } });
        expect(await table.update(raise(11n))).toMatchObject({ kind: 'applied', item: { t: 11n, v: 8n } });
      }),
    );

    test(
      'the pool side commutes within its window and never draws what is not free',
      on(async ({ table }) => {
        await table.put({ item: { ...OTHER, v: 1n, k: 3n, f: 50n, s: 0n, l: 50n } });
        const draw = (d: bigint, s: bigint): UpdateWrite => ({
          key: OTHER,
          condition: d > 0n ? 'k = :k AND f >= :d' : 'k = :k',
          update: 'SET f = f - :d, s = s + :s, v = v + :one',
          values: { ':k': 3n, ':d': d, ':s': s, ':one': 1n },
        });
        expect(await table.update(draw(50n, 2n))).toMatchObject({ item: { f: 0n, s: 2n, v: 2n } });
        expect(await table.update(draw(1n, 0n))).toMatchObject({ kind: 'refused', item: { f: 0n } });
        expect(await table.update(draw(-8n, 0n))).toMatchObject({ item: { f: 8n, s: 2n, v: 3n } });
      }),
    );

    test(
      'put at a version, and put if absent',
      on(async ({ table }) => {
        const atVersion = (v: bigint): Parameters<typeof table.put>[0] => ({
          item: { ...KEY, v: v + 1n },
          condition: 'v = :v',
          values: { ':v': v },
        });
        const ifAbsent = { item: { ...KEY, v: 1n }, condition: 'attribute_not_exists(pk)' };
        expect(await table.put(atVersion(1n))).toEqual({ kind: 'refused', item: undefined, unanswered: 0 });
        expect(await table.put(ifAbsent)).toEqual({
          kind: 'applied',
          item: { ...KEY, v: 1n },
          unanswered: 0,
        });
        expect(await table.put(ifAbsent)).toEqual({
          kind: 'refused',
          item: { ...KEY, v: 1n },
          unanswered: 0,
        });
        expect(await table.put(atVersion(1n))).toMatchObject({ kind: 'applied', item: { v: 2n } });
        expect(await table.put(atVersion(1n))).toMatchObject({ kind: 'refused', item: { v: 2n } });
        expect(await table.get(KEY)).toEqual({ ...KEY, v: 2n });
      }),
    );
  });

  describe(`table on ${engine.name}: single items`, () => {
    test(
      'every kind of value comes back as it was put',
      on(async ({ table }) => {
        const item = {
          ...KEY,
          text: 'Grüße \u{1F600}\n"\\',
          empty: '',
          number: -123_456_789_012_345_678_901_234_567_890_123_456n,
          yes: true,
          no: false,
          nothing: null,
          list: [1n, 'two', [3n], { four: 4n }, null],
          map: { 'a.b': 1n, constructor: 2n, ['__proto__']: 3n, 'with space': {}, '#x': [] },
        };
        await table.put({ item });
        const back = await table.get(KEY);
        expect(back).toEqual(item);
        expect(Object.keys(back!['map'] as Item).sort()).toEqual(Object.keys(item.map).sort());
      }),
    );

    test(
      'sums of 38 digits are exact',
      on(async ({ table }) => {
        const big = 99_999_999_999_999_999_999_999_999_999_999_999_998n;
        await table.put({ item: { ...KEY, n: big } });
        const add = (by: bigint): UpdateWrite => ({
          key: KEY,
          update: 'SET n = n + :by',
          condition: 'n <= :max',
          values: { ':by': by, ':max': big },
        });
        expect(await table.update(add(1n))).toMatchObject({ item: { n: big + 1n } });
        expect(await table.update(add(1n))).toMatchObject({ kind: 'refused', item: { n: big + 1n } });
        await table.put({ item: { ...KEY, n: -big } });
        expect(await table.update(add(big + 1n))).toMatchObject({ item: { n: 1n } });
      }),
    );

    test(
      'delete gives back what was deleted, and heeds its condition',
      on(async ({ table }) => {
        await table.put({ item: { ...KEY, v: 1n } });
        const atTwo = { key: KEY, condition: 'v = :v', values: { ':v': 2n } };
        expect(await table.delete(atTwo)).toEqual({
          kind: 'refused',
          item: { ...KEY, v: 1n },
          unanswered: 0,
        });
        expect(await table.delete({ key: KEY })).toEqual({
          kind: 'applied',
          item: { ...KEY, v: 1n },
          unanswered: 0,
        });
        expect(await table.get(KEY)).toBeUndefined();
        expect(await table.delete({ key: KEY })).toEqual({ kind: 'applied', item: KEY, unanswered: 0 });
      }),
    );

    test(
      'an update without a condition makes the item',
      on(async ({ table }) => {
        const count = { key: KEY, update: 'ADD n :one SET since = if_not_exists(since, :v)' };
        await table.update({ ...count, values: { ':one': 1n, ':v': 1n } });
        expect(await table.update({ ...count, values: { ':one': 1n, ':v': 2n } })).toEqual({
          kind: 'applied',
          item: { ...KEY, n: 2n, since: 1n },
          unanswered: 0,
        });
      }),
    );

    test(
      'of 200 debits at once exactly as many are admitted as there is money for',
      on(async ({ table }) => {
        await table.put({ item: { ...KEY, f: 1000n, spent: 0n } });
        const debit: UpdateWrite = {
          key: KEY,
          condition: 'f >= :n',
          update: 'SET f = f - :n, spent = spent + :n',
          values: { ':n': 7n },
        };
        const outcomes = await Promise.all(Array.from({ length: 200 }, () => table.update(debit)));
        expect(outcomes.filter(({ kind }) => kind === 'applied')).toHaveLength(142);
        expect(outcomes.filter(({ kind }) => kind === 'refused')).toHaveLength(58);
        expect(await table.get(KEY)).toEqual({ ...KEY, f: 6n, spent: 994n });
      }),
    );
  });

  describe(`table on ${engine.name}: transactions`, () => {
    const draw = (d: bigint, version: bigint): Parameters<Harness['table']['transact']>[0] => [
      {
        op: 'update',
        key: OTHER,
        condition: 'k = :k AND f >= :d',
        update: 'SET f = f - :d',
        values: { ':k': 3n, ':d': d },
      },
      { op: 'put', item: { ...KEY, v: version + 1n }, condition: 'v = :v', values: { ':v': version } },
    ];
    const prepare = async ({ table }: Harness): Promise<void> => {
      await table.put({ item: { ...OTHER, k: 3n, f: 50n } });
      await table.put({ item: { ...KEY, v: 1n } });
    };
    const state = async ({ table }: Harness): Promise<unknown[]> => [
      (await table.get(OTHER))?.['f'],
      (await table.get(KEY))?.['v'],
    ];

    test(
      'both writes or none; the items of failed conditions come back in place',
      on(async (harness) => {
        await prepare(harness);
        const { table } = harness;
        expect(await table.transact(draw(20n, 1n), 'plan-1')).toEqual({ kind: 'applied', unanswered: 0 });
        expect(await state(harness)).toEqual([30n, 2n]);
        expect(await table.transact(draw(31n, 2n), 'plan-2')).toEqual({
          kind: 'refused',
          items: [{ ...OTHER, k: 3n, f: 30n }, undefined],
          unanswered: 0,
        });
        expect(await table.transact(draw(31n, 1n), 'plan-3')).toEqual({
          kind: 'refused',
          items: [
            { ...OTHER, k: 3n, f: 30n },
            { ...KEY, v: 2n },
          ],
          unanswered: 0,
        });
        expect(await state(harness)).toEqual([30n, 2n]);
      }),
    );

    test(
      'a repeat under its token changes nothing; another plan under it is a bug',
      on(async (harness) => {
        await prepare(harness);
        const { table } = harness;
        const once = draw(20n, 1n);
        expect(await table.transact(once, 'plan')).toEqual({ kind: 'applied', unanswered: 0 });
        expect(await table.transact(once, 'plan')).toEqual({ kind: 'applied', unanswered: 0 });
        expect(await state(harness)).toEqual([30n, 2n]);
        await expect(table.transact(draw(10n, 2n), 'plan')).rejects.toMatchObject({
          name: 'IdempotentParameterMismatchException',
        });
      }),
    );

    test(
      'a refused plan may be tried again under its token',
      on(async (harness) => {
        await prepare(harness);
        const { table } = harness;
        const plan = draw(60n, 1n);
        expect(await table.transact(plan, 'plan')).toMatchObject({ kind: 'refused' });
        await table.put({ item: { ...OTHER, k: 3n, f: 60n } });
        expect(await table.transact(plan, 'plan')).toMatchObject({ kind: 'applied' });
        expect(await state(harness)).toEqual([0n, 2n]);
      }),
    );

    test(
      'an update that cannot be made is a bug and undoes the other write',
      on(async (harness) => {
        await prepare(harness);
        const bad: Parameters<Harness['table']['transact']>[0] = [
          { op: 'put', item: { ...KEY, v: 9n } },
          { op: 'update', key: OTHER, update: 'SET nowhere.x = :v', values: { ':v': 1n } },
        ];
        await expect(harness.table.transact(bad, 'plan')).rejects.toMatchObject({
          name: 'TransactionCanceledException',
        });
        expect(await state(harness)).toEqual([50n, 1n]);
      }),
    );

    test(
      'of 100 draws at once exactly as many are admitted as the pool holds, each on its own leaf',
      on(async ({ table }) => {
        await table.put({ item: { ...OTHER, f: 1000n } });
        const outcomes = await Promise.all(
          Array.from({ length: 100 }, (_, i) =>
            table.transact(
              [
                {
                  op: 'update',
                  key: OTHER,
                  condition: 'f >= :d',
                  update: 'SET f = f - :d',
                  values: { ':d': 30n },
                },
                {
                  op: 'put',
                  item: { pk: `L#${i}`, sk: '-', l: 30n },
                  condition: 'attribute_not_exists(pk)',
                },
              ],
              `plan-${i}`,
            ),
          ),
        );
        expect(outcomes.filter(({ kind }) => kind === 'applied')).toHaveLength(33);
        expect(await table.get(OTHER)).toEqual({ ...OTHER, f: 10n });
        expect((await table.scan({})).items).toHaveLength(34);
      }),
    );
  });
}

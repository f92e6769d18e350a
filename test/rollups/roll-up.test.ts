/** Rows by hour and day: made from charges, whole or not at all, and found when something is missing. */
import { describe, expect, test } from 'vitest';
import { checkRows } from '../../lambdas/core/rollups/check-rows.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { spendReport, type SpendQuery } from '../../lambdas/core/rollups/spend-report.ts';
import { dayPartition, hourPartition } from '../../lambdas/core/rollups/row.ts';
import type { Item, Table } from '../../lambdas/core/ports.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';
import { chargedWorld, instant, type ChargedWorld } from './charged-world.ts';

const query = (from: string, to: string, more: Partial<SpendQuery> = {}): SpendQuery => ({
  ...{ from: instant(from), to: instant(to) },
  ...{ groupBy: [], filter: {}, granularity: 'all', chargesMax: 1000 },
  ...more,
});
const rowsIn = async (world: ChargedWorld, partition: string): Promise<Item[]> =>
  (await world.table.query({ partition })).items;
const withPut = (table: Table, put: Table['put']): Table => ({
  put,
  update: (write) => table.update(write),
  delete: (write) => table.delete(write),
  transact: (writes, token) => table.transact(writes, token),
  get: (key) => table.get(key),
  query: (query) => table.query(query),
  scan: (page) => table.scan(page),
});
const figures = (items: Item[]) => items.map(({ sk, n, u }) => [(sk as string).replace(/#[^#]+$/, ''), n, u]);

describe('an hour', () => {
  test('has rows 16 minutes after its end, of each principal and of all together', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 5n });
    await world.spend({ at: '2026-11-24T12:59:59.999Z', cost: 7n });
    await world.spend({ at: '2026-11-24T12:30:00Z', cost: 11n, user: 'bob' });
    await world.spend({ at: '2026-11-24T12:31:00Z', cost: 13n, user: null });
    await world.spend({ at: '2026-11-24T13:00:00Z', cost: 100n });
    world.at('2026-11-24T13:15:59Z');
    expect((await rollUp(world)).hours).toEqual([]);
    world.at('2026-11-24T13:16:00Z');
    expect((await rollUp(world)).hours.map(({ hour }) => toRfc3339(hour))).toEqual(['2026-11-24T12:00:00Z']);
    expect(figures(await rowsIn(world, hourPartition(instant('2026-11-24T12:00:00Z'))))).toEqual([
      ['-#12', 4n, 36n],
      ['app:web#12', 1n, 13n],
      ['user:alice#12', 2n, 12n],
      ['user:bob#12', 1n, 11n],
    ]);
    expect((await rollUp(world)).hours).toEqual([]);
  });

  test('is told apart by team, app, feature, model and tags, and summed without tags', async () => {
    const world = chargedWorld();
    const at = '2026-11-24T12:00:00Z';
    await world.spend({ at, cost: 1n, tags: { env: 'prod', run: '1' } });
    await world.spend({ at, cost: 2n, tags: { run: '1', env: 'prod' } });
    await world.spend({ at, cost: 4n, tags: { env: 'test' } });
    await world.spend({ at, cost: 8n, model: 'other' });
    world.at('2026-11-24T14:00:00Z');
    await rollUp(world);
    const rows = figures(await rowsIn(world, hourPartition(instant(at))));
    expect(rows.filter(([who]) => who === 'user:alice#12').map(([, n, u]) => [n, u])).toEqual(
      expect.arrayContaining([
        [2n, 3n],
        [1n, 4n],
        [1n, 8n],
      ]),
    );
    expect(rows.filter(([who]) => who === '-#12').map(([, n, u]) => [n, u])).toEqual(
      expect.arrayContaining([
        [3n, 7n],
        [1n, 8n],
      ]),
    );
    expect(rows).toHaveLength(5);
  });

  test('is made again for what comes late, and counts a correction when its call was', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 50n, outcome: 'presumed_spent', tokens: {} });
    world.at('2026-11-24T14:00:00Z');
    await rollUp(world);
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: -20n, outcome: 'adjusted', tokens: {} });
    world.at('2026-11-24T14:00:59Z');
    expect((await rollUp(world)).hours, 'until the index shows it').toEqual([]);
    world.at('2026-11-24T14:01:00Z');
    await rollUp(world);
    const [row] = await rowsIn(world, hourPartition(instant('2026-11-24T12:00:00Z')));
    expect(row).toMatchObject({ n: 2n, u: 30n, p: 1000n, o: { presumed_spent: 1n, adjusted: 1n } });
  });

  test('never loses a charge to somebody who read before', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 5n });
    world.at('2026-11-24T14:00:00Z');
    let isHeld = true;
    const put: Table['put'] = async (write) => {
      // While the first run is about to write, another one reads a further charge and is done.
      if (isHeld && write.item.pk.startsWith('R#H#')) {
        isHeld = false;
        await world.spend({ at: '2026-11-24T12:30:00Z', cost: 7n });
        world.at('2026-11-24T14:02:00Z');
        await rollUp(world);
      }
      return world.table.put(write);
    };
    await rollUp({ ...world, table: withPut(world.table, put) });
    expect(figures(await rowsIn(world, hourPartition(instant('2026-11-24T12:00:00Z'))))).toEqual([
      ['-#12', 2n, 12n],
      ['user:alice#12', 2n, 12n],
    ]);
    expect(await world.periods.openHours()).toEqual([]);
  });

  test('that is opened while its rows are made stays open', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 5n });
    world.at('2026-11-24T14:00:00Z');
    const [open] = await world.periods.openHours();
    await world.periods.openHour(open!.hour);
    await world.periods.closeHour(open!);
    expect(await world.periods.openHours()).toHaveLength(1);
    const [again] = await world.periods.openHours();
    await world.periods.closeHour(again!);
    await world.periods.openHour(open!.hour);
    // A slow one comes with what it read at first.
    await world.periods.closeHour(open!);
    await world.periods.closeHour(again!);
    expect(await world.periods.openHours()).toHaveLength(1);
  });
});

describe('a day', () => {
  test('of a time zone has rows when it is over there, made of its hours', async () => {
    const world = chargedWorld('America/New_York');
    await world.spend({ at: '2026-11-24T04:59:00Z', cost: 1n });
    await world.spend({ at: '2026-11-24T05:00:00Z', cost: 10n });
    await world.spend({ at: '2026-11-25T04:59:59Z', cost: 100n });
    await world.spend({ at: '2026-11-25T05:00:00Z', cost: 1000n });
    world.at('2026-11-25T05:15:59Z');
    expect((await rollUp(world)).days.map(({ date }) => date)).toEqual(['2026-11-23']);
    world.at('2026-11-25T05:16:00Z');
    expect((await rollUp(world)).days.map(({ date }) => date)).toEqual(['2026-11-24']);
    expect(figures(await rowsIn(world, dayPartition('America/New_York', '2026-11-24')))).toEqual([
      ['-', 2n, 110n],
      ['user:alice', 2n, 110n],
    ]);
  });

  test('that begins at half past a UTC hour is cut there', async () => {
    const world = chargedWorld('Asia/Kolkata');
    await world.spend({ at: '2026-11-23T18:29:59Z', cost: 1n });
    await world.spend({ at: '2026-11-23T18:30:00Z', cost: 10n });
    await world.spend({ at: '2026-11-24T18:29:59Z', cost: 100n });
    await world.spend({ at: '2026-11-24T18:30:00Z', cost: 1000n });
    world.at('2026-11-25T02:00:00Z');
    await rollUp(world);
    expect(figures(await rowsIn(world, dayPartition('Asia/Kolkata', '2026-11-24')))[0]).toEqual([
      '-',
      2n,
      110n,
    ]);
    const days = query('2026-11-23T18:30:00Z', '2026-11-25T02:00:00Z', { granularity: 'day' });
    const { lines } = await spendReport(world, days);
    expect(lines.map(({ from, tally }) => [toRfc3339(from), tally.costPicoUsd])).toEqual([
      ['2026-11-23T18:30:00Z', 110n],
      ['2026-11-24T18:30:00Z', 1000n],
    ]);
  });

  test('is opened, with its neighbour, by an hour that is of both', async () => {
    const world = chargedWorld('Asia/Kolkata');
    await world.spend({ at: '2026-11-24T18:15:00Z', cost: 1n });
    world.at('2026-11-26T12:00:00Z');
    await rollUp(world);
    await world.spend({ at: '2026-11-24T18:45:00Z', cost: 10n });
    world.at('2026-11-26T12:01:00Z');
    expect((await rollUp(world)).days.map(({ date }) => date)).toEqual(['2026-11-24', '2026-11-25']);
    expect(figures(await rowsIn(world, dayPartition('Asia/Kolkata', '2026-11-25')))[0]).toEqual([
      '-',
      1n,
      10n,
    ]);
  });

  test('is as long as it is, where clocks are set back', async () => {
    const world = chargedWorld('America/New_York');
    // 2026-11-01 has 25 hours there.
    await world.spend({ at: '2026-11-01T04:00:00Z', cost: 1n });
    await world.spend({ at: '2026-11-02T04:59:59Z', cost: 10n });
    await world.spend({ at: '2026-11-02T05:00:00Z', cost: 100n });
    world.at('2026-11-03T12:00:00Z');
    await rollUp(world);
    const days = query('2026-11-01T04:00:00Z', '2026-11-03T05:00:00Z', { granularity: 'day' });
    const { lines } = await spendReport(world, days);
    expect(lines.map(({ from, to, tally }) => [(to - from) / 3_600_000, tally.costPicoUsd])).toEqual([
      [25, 11n],
      [24, 100n],
    ]);
  });

  test('waits for its hours, and is made again when one of them is', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 5n });
    world.at('2026-11-25T12:00:00Z');
    await rollUp(world);
    await world.spend({ at: '2026-11-24T12:30:00Z', cost: 7n });
    await world.periods.openDay({ zone: 'UTC', date: '2026-11-24' });
    expect((await rollUp(world)).days, 'its hour is not made yet').toEqual([]);
    world.at('2026-11-25T12:01:00Z');
    expect((await rollUp(world)).days).toHaveLength(1);
    expect(figures(await rowsIn(world, dayPartition('UTC', '2026-11-24')))[0]).toEqual(['-', 2n, 12n]);
  });

  test('of another zone than before is read from its hours', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-23T23:30:00Z', cost: 5n });
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 7n });
    world.at('2026-11-26T12:00:00Z');
    await rollUp(world);
    const berlin = { ...world, zone: 'Europe/Berlin' };
    const days = query('2026-11-23T23:00:00Z', '2026-11-24T23:00:00Z', { granularity: 'day' });
    expect((await spendReport(berlin, days)).total).toMatchObject({ charges: 2n, costPicoUsd: 12n });
  });
});

test('a run that has no time left stops between two periods, and the next one goes on', async () => {
  const world = chargedWorld();
  await world.spend({ at: '2026-11-24T12:00:00Z', cost: 5n });
  await world.spend({ at: '2026-11-24T13:00:00Z', cost: 7n });
  world.at('2026-11-24T15:00:00Z');
  let looks = 0;
  const { hours } = await rollUp(world, () => (looks += 1) > 1);
  expect(hours).toHaveLength(1);
  expect((await rollUp(world)).hours).toHaveLength(1);
});

describe('a gap', () => {
  const worldWithGap = async (): Promise<ChargedWorld> => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 5n });
    world.at('2026-11-24T15:00:00Z');
    await rollUp(world);
    await world.spend({ at: '2026-11-24T12:30:00Z', cost: 7n }, false);
    return world;
  };

  test('is found 26 hours later on the second look, and mended', async () => {
    const world = await worldWithGap();
    world.at('2026-11-25T14:59:00Z');
    expect(await checkRows(world)).toEqual([]);
    expect(await checkRows(world)).toEqual([]);
    world.at('2026-11-25T15:00:00Z');
    expect(await checkRows(world)).toEqual([]);
    expect((await checkRows(world)).map(toRfc3339)).toEqual(['2026-11-24T12:00:00Z']);
    expect(await checkRows(world)).toEqual([]);
    world.at('2026-11-25T15:01:00Z');
    await rollUp(world);
    const [row] = await rowsIn(world, hourPartition(instant('2026-11-24T12:00:00Z')));
    expect(row).toMatchObject({ n: 2n, u: 12n });
  });

  test('is none, if the charge is told of before the second look', async () => {
    const world = await worldWithGap();
    world.at('2026-11-25T15:00:00Z');
    expect(await checkRows(world)).toEqual([]);
    await world.periods.openHour(instant('2026-11-24T12:00:00Z'));
    expect(await checkRows(world)).toEqual([]);
    world.at('2026-11-25T15:02:00Z');
    await rollUp(world);
    expect(await checkRows(world)).toEqual([]);
  });

  test('of no hour is passed over', async () => {
    const world = await worldWithGap();
    world.at('2026-11-25T14:59:00Z');
    await checkRows(world);
    world.at('2026-11-28T00:00:00Z');
    await checkRows(world);
    expect((await checkRows(world)).map(toRfc3339)).toEqual(['2026-11-24T12:00:00Z']);
  });
});

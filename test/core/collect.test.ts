/** A round of the collector over many leaves, in one run or in several; one leaf by itself: test/contract/ledger.test.ts. */
import { expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { collectAll, leavesOf, type Round } from '../../lambdas/core/ledger/collect.ts';
import { leafKey, type Leaf } from '../../lambdas/core/ledger/leaf.ts';
import type { ItemKey } from '../../lambdas/core/ports.ts';
import { hours, ledgerOver, ManualClock, testCall, testCap } from '../support/worlds.ts';

const USERS = 60;

/** Each of sixty users has a call that nobody settled, and whose day is over. */
async function world() {
  const clock = new ManualClock();
  const { table, ledger, ids } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const cap = testCap('life', 'usd', 'lifetime', 1000n);
  const leaves = Array.from({ length: USERS }, (_, i) => leafKey({ type: 'user', id: `user-${i}` }));
  const hold = async (leaf: ItemKey): Promise<void> => {
    expect((await ledger.reserve({ ...testCall([cap], ids), leaf })).kind).toBe('held');
  };
  for (const leaf of leaves) await hold(leaf);
  clock.advance(hours(25));
  /** Looks at so many leaves, as far as there are any. */
  const run = (count = Number.POSITIVE_INFINITY): Promise<Round> => {
    let left = count;
    return collectAll(
      { table, ledger, clock },
      () => ids.randomBits(40),
      () => {
        left -= 1;
        return left <= 0;
      },
    );
  };
  const open = async (): Promise<number> => {
    let count = 0;
    for (const leaf of leaves) count += Object.keys((await ledger.leaves.read(leaf))!.h).length;
    return count;
  };
  return { clock, table, leaves, hold, run, open };
}

it('looks at every leaf in one run where there is time, and finds nothing in the next', async () => {
  const { run, open } = await world();
  const whole = { leaves: USERS, isComplete: true, broken: [] };
  expect(await run()).toEqual({ settled: 0, presumed: USERS, ...whole });
  expect(await open()).toBe(0);
  expect(await run()).toEqual({ settled: 0, presumed: 0, ...whole });
});

it('goes on in the next run where the time was up, and begins anew after the last leaf', async () => {
  const { clock, leaves, hold, run, open } = await world();
  expect(await run(25)).toMatchObject({ presumed: 25, leaves: 25, isComplete: false });
  expect(await open()).toBe(USERS - 25);
  expect(await run(25)).toMatchObject({ presumed: 25, leaves: 25, isComplete: false });
  expect(await run(25)).toMatchObject({ presumed: 10, leaves: 10, isComplete: true });
  expect(await open()).toBe(0);

  for (const leaf of leaves) await hold(leaf);
  clock.advance(hours(25));
  expect(await run()).toMatchObject({ presumed: USERS, leaves: USERS, isComplete: true });
});

it('comes on by a leaf at least, however short the time', async () => {
  const { run, open } = await world();
  for (let i = 1; i < USERS; i += 1) expect(await run(0)).toMatchObject({ leaves: 1, isComplete: false });
  expect(await run(0)).toMatchObject({ leaves: 1, isComplete: true });
  expect(await open()).toBe(0);
});

it('goes on behind a leaf that does not balance, and names it', async () => {
  const { table, leaves, run } = await world();
  const first = await table.get((await leavesOf(table).next()).value as ItemKey);
  const broken = first as unknown as Leaf;
  broken.a['life']!.f += 1n;
  await table.put({ item: first as never });
  const reason = expect.stringContaining(`${broken.pk} account life`) as string;
  expect(await run()).toMatchObject({ presumed: USERS - 1, leaves: USERS, broken: [reason] });
  for (const leaf of leaves) {
    const { h } = (await table.get(leaf)) as unknown as Leaf;
    expect(Object.keys(h)).toHaveLength(leaf.pk === broken.pk ? 1 : 0);
  }
});

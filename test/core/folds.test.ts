/** What was settled on leases goes home when a rung depends on it: by one process, by several, by the collector. */
import { beforeEach, describe, expect, it, test } from 'vitest';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { durationMs, picoUsd } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { collectAll } from '../../lambdas/core/ledger/collect.ts';
import { accountOf } from '../../lambdas/core/ledger/books.ts';
import { amountsOf, leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { poolToItem } from '../../lambdas/core/ledger/pool.ts';
import { chargeOf, ledgerOver, ManualClock, SeededIds, testCall, testCap } from '../support/worlds.ts';

const team = (limit: bigint, more: Partial<Cap> = {}): Cap =>
  testCap('team-month', 'usd', 'month', limit, { scope: { type: 'team', id: 'growth' }, ...more });
/** Rungs at 5,000, 8,000, 9,500 and 10,000. */
const CAP = team(10_000n);
const user = (name: string) => leafKey({ type: 'user', id: name });

let clock: ManualClock;
let ids: SeededIds;
let api: DynamoDbApi;
/** A process of its own, over the one table. */
const newProcess = (over: DynamoDbApi = api): Ledger =>
  ledgerOver({ api: over, tableName: 't' }, clock, ids).ledger;
let ledger: Ledger;
beforeEach(() => {
  clock = new ManualClock();
  ids = new SeededIds(5);
  api = openMemoryEngine({ clock });
  ledger = newProcess();
});

/** One call of `who` that costs what it held, settled as the request flow does. */
async function spend(
  who: string,
  amount: bigint,
  { by = ledger, cap = CAP, used = amount } = {},
): Promise<void> {
  const held = await by.reserve({ ...testCall([cap], ids, { picoUsd: amount }), leaf: user(who) });
  if (held.kind !== 'held') throw new Error(held.kind);
  await by.finish(chargeOf(held.call, used), user(who));
  await by.folds.forRungs([cap]);
}
const pool = async (cap = CAP) => (await newProcess().pools.read(cap.account))!;
const lease = async (who: string) => (await newProcess().leaves.read(user(who)))!.a[CAP.account]!;

describe('a process that knows every lease', () => {
  it('folds when all together reach a rung, and not before', async () => {
    const people = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'];
    for (const who of people.slice(0, 5)) await spend(who, 900n);
    expect((await pool()).s).toBe(0n);
    await spend('fay', 500n);
    expect((await pool()).s).toBeGreaterThanOrEqual(5000n);
  });

  it('takes no more leases home than the rung needs, the largest first', async () => {
    await spend('ann', 60n);
    await spend('bob', 2000n);
    await spend('cat', 2900n);
    expect(await pool()).toMatchObject({ s: 0n });
    await spend('dan', 140n);
    expect(await pool()).toMatchObject({ s: 5040n });
    expect(await lease('ann')).toMatchObject({ s: 60n });
  });

  it('does so at each rung', async () => {
    const seen: bigint[] = [];
    for (let i = 0; i < 100; i += 1) {
      await spend(`user-${i % 7}`, 100n);
      const total = BigInt(i + 1) * 100n;
      const home = (await pool()).s;
      const reached = [5000n, 8000n, 9500n, 10_000n].filter((from) => total >= from);
      for (const from of reached) expect(home, `of ${total}`).toBeGreaterThanOrEqual(from);
      seen.push(home);
    }
    expect(seen.at(-1)).toBe(10_000n);
  });

  it('writes to no pool where no rung is in sight', async () => {
    const cap = team(1_000_000n);
    await spend('ann', 100n, { cap });
    const { v } = await pool(cap);
    for (let i = 0; i < 3; i += 1) await spend('ann', 100n, { cap });
    expect((await pool(cap)).v).toBe(v);
  });

  it('has nothing to do once the last rung is reached, nor where a cap has none', async () => {
    const bare = team(10_000n, { thresholds: { warn: null, throttle: null, block: null } });
    await spend('ann', 9000n, { cap: bare });
    expect(await pool()).toMatchObject({ s: 0n });
  });
});

test('a fold leaves what is free, when it was drawn, and how much the next draw takes', async () => {
  await spend('ann', 100n);
  const before = await lease('ann');
  clock.advance(durationMs(1000));
  await ledger.folds.all(CAP);
  expect(await lease('ann')).toEqual({ ...before, s: 0n, l: before.l - 100n });
  expect(await pool()).toMatchObject({ s: 100n, l: 10_000n, f: 10_000n - 100n - before.f });
});

test('what an overrun took beyond its lease is paid by the pool', async () => {
  await spend('ann', 1000n, { used: 6000n });
  expect(await lease('ann')).toMatchObject({ f: 0n, s: 0n, l: 0n });
  expect(await pool()).toMatchObject({ s: 6000n, f: 4000n });
});

it('does not lower the next call of the same leaf, as if its money were spent twice', async () => {
  const cap = team(10_000n, { thresholds: { warn: null, throttle: null, block: null } });
  await spend('ann', 4000n, { cap });
  const elsewhere = newProcess();
  await elsewhere.leaves.read(user('ann'));
  await elsewhere.pools.read(cap.account);
  await elsewhere.folds.all(cap);
  clock.advance(durationMs(11_000)); // this process reads the pool anew, and knows the leaf as it was
  const call = testCall([cap], ids);
  const held = await ledger.reserve({
    ...call,
    leaf: user('ann'),
    fit: (books) => {
      const { l, s } = accountOf(books, cap);
      const usd = l - s < 9000n ? l - s : 9000n;
      return { ...call.fit(books), amounts: amountsOf(picoUsd(usd), 1n), isLowered: usd < 9000n };
    },
  });
  expect(held).toMatchObject({ kind: 'held', fit: { amounts: { u: 6000n } } });
});

describe('processes that know a part each', () => {
  it('together let no rung pass, whoever knows whom', async () => {
    const processes = Array.from({ length: 4 }, () => newProcess());
    const people = Array.from({ length: 12 }, (_, i) => `user-${i}`);
    for (let i = 0; i < 65; i += 1) {
      clock.advance(durationMs(11_000)); // pools are remembered for ten seconds
      const who = people[i % people.length]!;
      await spend(who, 100n, { by: processes[i % processes.length]! });
    }
    expect((await pool()).s).toBeGreaterThanOrEqual(5000n);
  });

  it('fold a few times on the way, not with each call', async () => {
    const processes = [newProcess(), newProcess()];
    const cap = team(1_000_000n);
    for (let i = 0; i < 600; i += 1) {
      clock.advance(durationMs(11_000));
      await spend(`user-${i % 4}`, 1000n, { by: processes[i % 2]!, cap });
    }
    const { s, v } = await pool(cap);
    expect(s).toBeGreaterThanOrEqual(500_000n);
    // Draws and folds, of 600 calls.
    expect(Number(v)).toBeLessThan(120);
  });
});

describe('the collector', () => {
  const collect = async (by: Ledger, capOf: (account: string) => Promise<Cap | undefined>) => {
    const { table } = ledgerOver({ api, tableName: 't' }, clock, ids);
    await collectAll({ table, ledger: by, clock }, () => ids.randomBits(40));
    return by.folds.forAllKnown(capOf);
  };
  const capOf = async (account: string) => (account === CAP.account ? CAP : undefined);

  it('comes to know every leaf, and folds what rungs depend on', async () => {
    for (const who of ['ann', 'bob', 'cat', 'dan', 'eve']) {
      const by = newProcess();
      const held = await by.reserve({ ...testCall([CAP], ids, { picoUsd: 1100n }), leaf: user(who) });
      if (held.kind !== 'held') throw new Error(held.kind);
      await by.finish(chargeOf(held.call, 1100n), user(who));
    }
    expect((await pool()).s).toBeLessThan(5000n);
    expect(await collect(newProcess(), capOf)).toEqual([]);
    expect((await pool()).s).toBeGreaterThanOrEqual(5000n);
  });

  describe('where a limit was lowered below what is spent and on lease', () => {
    const lowered = team(2000n, { revision: 2n });
    const collectLowered = (): Promise<string[]> => collect(newProcess(), async () => lowered);

    it('takes home what is free of the leases, and what is settled stays paid', async () => {
      await spend('ann', 600n);
      await spend('bob', 600n, { used: 100n });
      expect(await collectLowered()).toEqual([]);
      expect(await pool()).toMatchObject({ l: 2000n, s: 700n, f: 1300n });
      for (const who of ['ann', 'bob']) expect(await lease(who)).toMatchObject({ f: 0n, s: 0n, l: 0n });
    });

    it('leaves what calls in flight hold, and takes it once they have settled', async () => {
      await spend('ann', 1200n);
      const call = { ...testCall([CAP], ids, { picoUsd: 1000n }), leaf: user('bob') };
      const held = await ledger.reserve(call);
      if (held.kind !== 'held') throw new Error(held.kind);
      await collectLowered();
      expect(await pool()).toMatchObject({ l: 2000n, s: 1200n, f: -200n });
      await ledger.finish(chargeOf(held.call, 10n), user('bob'));
      await collectLowered();
      expect(await pool()).toMatchObject({ l: 2000n, s: 1210n, f: 790n });
    });

    it('takes no more leases home than the pool lacks', async () => {
      await spend('ann', 600n);
      await spend('bob', 10n);
      await collectLowered();
      expect(await lease('bob')).toMatchObject({ f: 30n, s: 10n });
    });

    it('takes home as many as there are, and is not held up by those that have nothing free', async () => {
      for (let i = 0; i < 20; i += 1) await spend(`user-${i}`, 30n);
      for (let i = 0; i < 20; i += 1) {
        const call = { ...testCall([CAP], ids, { picoUsd: 200n }), leaf: user(`busy-${i}`) };
        if ((await ledger.reserve(call)).kind !== 'held') throw new Error('not held');
      }
      await collectLowered();
      const { l, f, s } = await pool();
      expect(l - f - s).toBe(20n * 200n);
    });
  });

  it('passes by what has no cap any more', async () => {
    await spend('ann', 4900n);
    expect(await collect(newProcess(), async () => undefined)).toEqual([]);
    expect((await pool()).s).toBe(0n);
  });

  it('names a pool that does not balance, and goes on', async () => {
    const other = { ...team(10_000n), id: 'org-month' as Cap['id'], account: 'org-month' };
    const { table } = ledgerOver({ api, tableName: 't' }, clock, ids);
    await spend('ann', 4900n);
    await spend('bob', 4900n, { cap: other });
    await table.put({ item: poolToItem({ ...(await pool()), f: 20_000n }) });
    const process = newProcess();
    await process.leaves.read(user('ann'));
    await process.leaves.read(user('bob'));
    const wide = { ...other, thresholds: { warn: [100], throttle: null, block: null } };
    expect(
      await process.folds.forAllKnown(async (account) => (account === 'org-month' ? wide : CAP)),
    ).toEqual([expect.stringContaining('P#team-month')]);
    expect((await pool(other)).s).toBe(4900n);
  });
});

test('calls of the leaf and another process’s fold come between, and all is counted once', async () => {
  await spend('ann', 100n);
  let isFirst = true;
  const torn: DynamoDbApi = {
    ...api,
    transactWriteItems: async (input) => {
      if (isFirst) {
        isFirst = false;
        await ledger.folds.all(CAP);
        await spend('ann', 7n);
      }
      return api.transactWriteItems(input);
    },
  };
  const process = newProcess(torn);
  await process.leaves.read(user('ann'));
  await process.pools.read(CAP.account);
  await process.folds.all(CAP);
  expect((await pool()).s + (await lease('ann')).s).toBe(107n);
  await process.folds.all(CAP);
  expect((await pool()).s).toBe(107n);
});

test('more leases than one transaction takes', async () => {
  const cap = team(1_000_000n);
  for (let i = 0; i < 30; i += 1) await spend(`user-${i}`, 100n, { cap });
  expect((await pool()).s).toBe(0n);
  await ledger.folds.all(cap);
  expect((await pool()).s).toBe(3000n);
});

test('one process folds an account once at a time', async () => {
  for (const who of ['ann', 'bob', 'cat']) await spend(who, 1600n);
  let transactions = 0;
  const counting: DynamoDbApi = {
    ...api,
    transactWriteItems: async (input) => {
      transactions += 1;
      return api.transactWriteItems(input);
    },
  };
  const process = newProcess(counting);
  for (const who of ['ann', 'bob', 'cat']) await process.leaves.read(user(who));
  await process.pools.read(CAP.account);
  const sensitive = team(10_000n, { thresholds: { warn: [480], throttle: null, block: null } });
  await Promise.all([1, 2, 3].map(() => process.folds.forRungs([sensitive])));
  expect(transactions).toBe(1);
  expect((await pool()).s).toBe(4800n);
});

/** Which shared caps a denial names beside the one that it met first, and what it costs to know. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { chargeOf, ledgerOver, ManualClock, SeededIds, testCall, testCap } from '../support/worlds.ts';

const shared = (id: string, limit: bigint, more: Partial<Cap> = {}): Cap =>
  testCap(id, 'usd', 'month', limit, { scope: { type: 'team', id: 'growth' }, ...more });
const user = (name: string) => leafKey({ type: 'user', id: name });
const MINUTE = testCap('bob-minute', 'requests', 'minute', 1n);

let ids: SeededIds;
let ledger: Ledger;
let poolReads: string[];
beforeEach(() => {
  const clock = new ManualClock();
  ids = new SeededIds(3);
  poolReads = [];
  const engine = openMemoryEngine({ clock });
  const api: DynamoDbApi = {
    ...engine,
    getItem: (input) => {
      const pk = input.Key?.['pk']?.S ?? '';
      if (pk.startsWith('P#')) poolReads.push(pk);
      return engine.getItem(input);
    },
  };
  ledger = ledgerOver({ api, tableName: 't' }, clock, ids).ledger;
});

const call = (who: string, caps: Cap[], picoUsd: bigint): Promise<ReserveOutcome> =>
  ledger.reserve({ ...testCall(caps, ids, { picoUsd }), leaf: user(who) });
async function spend(who: string, caps: Cap[], amount: bigint): Promise<void> {
  const held = await call(who, caps, amount);
  if (held.kind !== 'held') throw new Error(held.kind);
  await ledger.finish(chargeOf(held.call, amount), user(who));
}
/** Everything of the cap is settled in its pool. */
async function spendHome(who: string, cap: Cap, amount: bigint): Promise<void> {
  await spend(who, [cap], amount);
  await ledger.folds.all(cap);
}
const namesOf = (outcome: ReserveOutcome): string[] => {
  if (outcome.kind !== 'short') throw new Error(outcome.kind);
  return outcome.caps.map(({ id }) => id);
};

describe('an own cap that is short', () => {
  it('is named with the shared caps that are spent, each by one reading of its pool', async () => {
    const team = shared('team-month', 1000n);
    const org = shared('org-month', 900n, { scope: { type: 'org', id: 'org' } });
    const rich = shared('app-month', 1_000_000n, { scope: { type: 'app', id: 'web' } });
    await spend('bob', [MINUTE, team, rich], 10n);
    await spendHome('ann', team, 920n);
    await spendHome('ann', org, 850n);
    poolReads = [];
    expect(namesOf(await call('bob', [MINUTE, team, org, rich], 100n))).toEqual([
      'bob-minute',
      'team-month',
      'org-month',
    ]);
    expect(poolReads.sort()).toEqual(['P#org-month', 'P#team-month']);
  });

  it('alone is answered without a reading of any pool', async () => {
    const team = shared('team-month', 1000n);
    await spend('bob', [MINUTE, team], 10n);
    poolReads = [];
    expect(namesOf(await call('bob', [MINUTE, team], 100n))).toEqual(['bob-minute']);
    expect(poolReads).toEqual([]);
  });

  it('is not joined by a shared cap whose limit was raised a moment ago', async () => {
    const team = shared('team-month', 1000n);
    await spend('bob', [MINUTE, team], 10n);
    await spendHome('ann', team, 950n);
    const raised = { ...team, limit: 2000n, revision: 2n };
    expect(namesOf(await call('bob', [MINUTE, raised], 100n))).toEqual(['bob-minute']);
  });

  it('is joined by a shared cap that its thresholds block', async () => {
    const team = shared('team-month', 1000n, { thresholds: { warn: null, throttle: null, block: 500 } });
    await spend('bob', [MINUTE, team], 10n);
    await spendHome('ann', team, 600n);
    expect(namesOf(await call('bob', [MINUTE, team], 1n))).toEqual(['bob-minute', 'team-month']);
  });
});

it('a shared cap that is merely held gives way to another that is spent', async () => {
  const team = shared('team-month', 1000n);
  const org = shared('org-life', 1000n, { scope: { type: 'org', id: 'org' } });
  await call('ann', [team], 950n); // in flight
  await spendHome('ann', org, 950n);
  expect(namesOf(await call('bob', [team, org], 100n))).toEqual(['team-month', 'org-life']);
});

it('a denial that had to search the leases leaves the proof in the pool', async () => {
  const team = shared('team-month', 1000n, { thresholds: { warn: null, throttle: null, block: null } });
  for (const who of ['ann', 'cat', 'dan']) await spend(who, [team], 320n);
  expect((await ledger.pools.read('team-month'))!.s).toBe(0n);
  expect(namesOf(await call('bob', [team], 100n))).toEqual(['team-month']);
  expect((await ledger.pools.read('team-month'))!.s).toBe(960n);
  await ledger.leaves.read(user('bob'));
  poolReads = [];
  expect(namesOf(await call('bob', [team], 100n))).toEqual(['team-month']);
  expect(poolReads).toEqual(['P#team-month']);
});

it('one that finds calls in flight moves nothing', async () => {
  const team = shared('team-month', 1000n, { thresholds: { warn: null, throttle: null, block: null } });
  await spend('ann', [team], 100n);
  await call('cat', [team], 700n);
  expect(namesOf(await call('bob', [team], 300n))).toEqual(['team-month']);
  expect((await ledger.pools.read('team-month'))!.s).toBe(0n);
});

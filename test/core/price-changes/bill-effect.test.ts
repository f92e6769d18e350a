/** What a changed price would have made of the last thirty days, from charges in a table. */
import { expect, it } from 'vitest';
import { DynamoDbTable } from '../../../lambdas/adapters/table/dynamodb-table.ts';
import { openMemoryEngine } from '../../../lambdas/adapters/table/local/memory-store.ts';
import { billEffects, CHARGES_MAX } from '../../../lambdas/core/price-changes/bill-effect.ts';
import { epochMs, holdId, picoUsd } from '../../../lambdas/core/brands.ts';
import { chargeToItem, type Charge } from '../../../lambdas/core/ledger/charge.ts';
import { usd } from '../../../lambdas/core/money.ts';
import type { TableQuery } from '../../../lambdas/core/ports.ts';
import { ManualClock, SeededIds } from '../../support/worlds.ts';
import { testCard } from '../pricing/cards-for-tests.ts';

const DAY = 86_400_000;
const old = testCard({ rates: { input: '2', cache_read: '0.5', output: '8' } });
const next = testCard({ effectiveFrom: '2026-11-01', rates: { input: '4', cache_read: '1', output: '8' } });
const CHANGE = { old, next };

function world() {
  const clock = new ManualClock();
  const table = new DynamoDbTable({
    ...{ api: openMemoryEngine({ clock }), tableName: 't', clock, ids: new SeededIds() },
  });
  let calls = 0;
  /** A call so many days ago, of $0.10 unless said otherwise. */
  const charge = async (card: string, daysAgo: number, more: Partial<Charge> = {}): Promise<void> => {
    const id = holdId(`call-${(calls += 1)}`);
    const at = epochMs(clock.now() - daysAgo * DAY);
    await table.put({
      item: chargeToItem({
        ...{ id, at: 1n, fence: 0n, leafPk: `L#user:u${calls % 9}`, outcome: 'settled', accounts: {} },
        ...{ modelServed: 'm', stage: 'normal', latencyMs: 1n },
        used: { u: usd('0.1'), t: 20n, r: 1n, c: 0n },
        tokens: { input: 10n, output: 10n },
        info: {
          ...{ rq: `req_${id}`, ts: BigInt(at), us: 'u', ap: 'a', tm: 't', ft: 'f' },
          ...{ ep: 'openai-chat', md: 'm', cd: card, pu: 1n, tk: 1n },
        },
        ...more,
      }),
    });
  };
  return { clock, table, charge, effects: () => billEffects({ table, clock }, [CHANGE]) };
}

it('is the charge, times what its tokens cost by the new card over what they cost by the old', async () => {
  const { charge, effects } = world();
  // 10 x 2 + 10 x 8 = 100 becomes 10 x 4 + 10 x 8 = 120.
  await charge(old.id, 1);
  // 100 from the cache, 50 becomes 100; the charge has a fee in it, which grows with it: an estimate.
  await charge(old.id, 29, { tokens: { cache_read: 100n }, used: { u: usd('0.3'), t: 100n, r: 1n, c: 0n } });
  expect(await effects()).toEqual({
    effects: [{ calls: 2, spent: usd('0.4'), difference: usd('0.32') }],
    isWhole: true,
  });
});

it('is below zero where the price falls', async () => {
  const { clock, table, charge } = world();
  await charge(old.id, 1);
  const { effects } = await billEffects({ table, clock }, [{ old: next, next: old }]);
  // 120 becomes 100: a sixth of ten cents, rounded down.
  expect(effects).toEqual([{ calls: 1, spent: usd('0.1'), difference: picoUsd(-16_666_666_667n) }]);
});

it('counts what was charged by an earlier list price or a share of it, and by nothing else', async () => {
  const { charge, effects } = world();
  await charge('openai/m@2024-05-13', 2);
  await charge(`${old.id}~openai/*@2026-10-01T00:00:00Z`, 2);
  await charge(`${old.id}~openai/m@2026-10-01T00:00:00Z`, 2);
  const counted = await effects();
  expect(counted.effects[0]).toMatchObject({ calls: 3 });

  await charge('openai/m@2026-10-01T00:00:00Z~own', 2);
  await charge('openai/m-mini@2026-01-01', 2);
  await charge('bedrock/m@2026-01-01', 2);
  await charge(old.id, 31);
  await charge(old.id, 2, { outcome: 'voided', used: { u: picoUsd(0n), t: 0n, r: 1n, c: 0n }, tokens: {} });
  expect(await effects()).toEqual(counted);
});

it('counts a presumed charge, of which nobody knows the tokens, as unchanged', async () => {
  const { charge, effects } = world();
  await charge(old.id, 1, { outcome: 'presumed_spent', tokens: {} });
  expect((await effects()).effects).toEqual([{ calls: 1, spent: usd('0.1'), difference: picoUsd(0n) }]);
});

it('reads so many charges and no more, and says so', async () => {
  const { clock, table, charge } = world();
  await charge(old.id, 0.001);
  const { items } = await table.scan({});
  const { gpk } = items[0]!;
  // The newest first, each a little older than the one before.
  const [instant] = (items[0]!['gsk'] as string).split('#') as [string];
  let left = 10_000_000;
  /** Today there were calls without end. */
  const endless = {
    query: async ({ partition, limit = 1 }: TableQuery) => ({
      items:
        partition === gpk
          ? Array.from({ length: limit }, () => ({ ...items[0]!, gsk: sortKey(left--) }))
          : [],
      cursor: undefined,
    }),
  };
  const sortKey = (n: number): string => `${instant}#${n}`;
  const { effects, isWhole } = await billEffects({ table: endless, clock }, [CHANGE]);
  expect(isWhole).toBe(false);
  expect(effects[0]!.calls).toBe(CHARGES_MAX);
});

import { describe, expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import { auditLedger } from '../../lambdas/core/ledger/audit.ts';
import { listCharges } from '../../lambdas/core/ledger/usage.ts';
import type { HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import { DAY } from '../../lambdas/core/time.ts';
import {
  alice,
  chargeOf,
  hours,
  ledgerOver,
  ManualClock,
  NOON,
  testCall,
  testCap,
} from '../support/worlds.ts';

const CAPS = [
  testCap('month', 'usd', 'month', 10_000n),
  testCap('rolling', 'tokens', 'rolling_24h', 1000n),
  testCap('rate', 'requests', 'minute', 100n),
  testCap('slots', 'concurrent', '', 10n),
];

function world() {
  const clock = new ManualClock();
  const { table, ledger, ids } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const hold = async (id: string): Promise<HeldCall> => {
    const outcome = await ledger.reserve(testCall(CAPS, ids, { id, picoUsd: 500n, tokens: 20n }));
    if (outcome.kind !== 'held') throw new Error(outcome.kind);
    return outcome.call;
  };
  return { clock, table, ledger, hold };
}

describe('the audit', () => {
  it('balances with calls settled, voided, in flight, and in closed windows', async () => {
    const { clock, table, ledger, hold } = world();
    await ledger.finish(chargeOf(await hold('a'), 300n, 12n), alice);
    await ledger.voidUnsent(await hold('b'));
    clock.advance(hours(30));
    await ledger.finish(chargeOf(await hold('c'), 100n, 5n), alice);
    await hold('d');
    expect(await auditLedger(table)).toEqual({
      balanced: true,
      accounts: 4,
      open_holds: 1,
      in_motion: 0,
      differences: [],
    });
  });

  it('counts a charge whose hold still stands as not settled yet', async () => {
    const { table, ledger, hold } = world();
    const held = await hold('a');
    const { chargeToItem } = await import('../../lambdas/core/ledger/charge.ts');
    await table.put({ item: chargeToItem(chargeOf(held, 300n)) });
    expect(await auditLedger(table)).toMatchObject({ balanced: true, open_holds: 1 });
    await ledger.settleFrom((await ledger.readCharge(held.id))!, alice, held);
    expect(await auditLedger(table)).toMatchObject({ balanced: true, open_holds: 0 });
  });

  it('names the account whose settled money no charge explains', async () => {
    const { table, ledger, hold } = world();
    await ledger.finish(chargeOf(await hold('a'), 300n), alice);
    await table.delete({ key: { pk: 'C#a', sk: '-' } });
    const { balanced, differences } = await auditLedger(table);
    expect(balanced).toBe(false);
    expect(differences).toContainEqual({
      principal: 'user:alice',
      account: 'month',
      window_key: String(Date.UTC(2026, 10, 1) / 1000),
      rule: 'settled = sum of charges',
      expected: '0',
      found: '300',
    });
  });

  it('names the account that has more to spend than its limit leaves', async () => {
    const { table, hold } = world();
    await hold('a');
    const update = 'SET a.#m.f = a.#m.f + :n';
    await table.update({ key: alice, update, names: { '#m': 'month' }, values: { ':n': 7n } });
    expect(await auditLedger(table)).toMatchObject({
      balanced: false,
      differences: [
        { account: 'month', rule: 'limit = free + settled + held', expected: '10007', found: '10000' },
      ],
    });
  });

  it('accuses nobody while calls are made during it', async () => {
    const { table, ledger, hold } = world();
    let n = 0;
    const busy = new Proxy(table, {
      get: (target, name) =>
        name === 'scan'
          ? async (...args: Parameters<typeof table.scan>) => {
              await ledger.finish(chargeOf(await hold(`busy-${(n += 1)}`), 1n, 1n), alice);
              const page = await target.scan(...args);
              await ledger.finish(chargeOf(await hold(`busy-${(n += 1)}`), 1n, 1n), alice);
              return { ...page, items: page.items.filter(({ pk }) => pk !== `C#busy-${n - 1}`) };
            }
          : (Reflect.get(target, name) as unknown),
    });
    expect(await auditLedger(busy)).toMatchObject({ balanced: true, in_motion: 1, differences: [] });
  });
});

describe('charges of a span of time', () => {
  it('come newest first, each once, page by page, over days and midnight', async () => {
    const { clock, table, ledger, hold } = world();
    const made: string[] = [];
    for (let i = 0; i < 23; i += 1) {
      const id = `call-${String(i).padStart(2, '0')}`;
      await ledger.finish(chargeOf(await hold(id), 1n, 1n), alice);
      made.unshift(id);
      clock.advance(hours(5));
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const query = { user: undefined, from: NOON, to: clock.now(), limit: 5, cursor };
      const page = await listCharges(table, query);
      seen.push(...page.charges.map(({ id }) => id));
      cursor = page.cursor;
      pages += 1;
    } while (cursor !== undefined);
    expect(seen).toEqual(made);
    expect(pages).toBe(5);
  });

  it('are those of one user, from inclusive, to exclusive', async () => {
    const { clock, table, ledger, hold } = world();
    for (const id of ['first', 'second', 'third']) {
      await ledger.finish(chargeOf(await hold(id), 1n, 1n), alice);
      clock.advance(DAY);
    }
    const of = async (user: string, from: number, to: number): Promise<string[]> => {
      const at = (days: number) => epochMs(NOON + days * DAY);
      const query = { user, from: at(from), to: at(to), limit: 10, cursor: undefined };
      return (await listCharges(table, query)).charges.map(({ id }) => id);
    };
    expect(await of('alice', 0, 3)).toEqual(['third', 'second', 'first']);
    expect(await of('alice', 1, 2)).toEqual(['second']);
    expect(await of('bob', 0, 3)).toEqual([]);
  });
});

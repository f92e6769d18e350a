/** What was called under one hold id before: generations, and what is told while they change. */
import { describe, expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { holdId } from '../../lambdas/core/brands.ts';
import { chargeToItem, NOTHING_USED } from '../../lambdas/core/ledger/charge.ts';
import { chargesUnder, earlierCalls } from '../../lambdas/core/ledger/earlier-calls.ts';
import { leafKey, type HeldCall, type Principal } from '../../lambdas/core/ledger/leaf.ts';
import { generationOf } from '../../lambdas/core/request-ids.ts';
import { alice, chargeOf, ledgerOver, ManualClock, testCall, testCap } from '../support/worlds.ts';

const ALICE: Principal = { type: 'user', id: 'alice' };
const BASE = holdId('base');
const CAPS = [testCap('life', 'usd', 'lifetime', 10_000n)];

function world() {
  const { table, ledger, ids } = ledgerOver({
    api: openMemoryEngine({ clock: new ManualClock() }),
    tableName: 't',
  });
  const hold = async (request: string): Promise<HeldCall> => {
    const call = testCall(CAPS, ids, { id: BASE, bodyHash: 'body' });
    const outcome = await ledger.reserve({ ...call, info: { ...call.info, rq: request } });
    if (outcome.kind !== 'held') throw new Error(outcome.kind);
    return outcome.call;
  };
  const settle = (call: HeldCall) => ledger.finish(chargeOf(call, 5n), call.leaf);
  const voided = async (request: string): Promise<void> => {
    const call = await hold(request);
    await ledger.finish({ ...chargeOf(call, 0n), used: NOTHING_USED, outcome: 'voided' }, call.leaf);
  };
  const seen = async (who = ALICE) =>
    (await earlierCalls(ledger, { principal: who, leaves: [leafKey(who)] }, BASE)).map(
      ({ state, requestId }) => `${state} ${requestId}`,
    );
  return { table, ledger, hold, settle, voided, seen };
}

describe('generations', () => {
  it.each([
    [0, 'base'],
    [1, 'base.1'],
    [12, 'base.12'],
  ])('number %i', (generation, id) => {
    expect(generationOf(BASE, generation)).toBe(id);
  });
});

describe('earlier calls', () => {
  it('are none, then one in flight, then one charged', async () => {
    const { hold, settle, seen } = world();
    expect(await seen()).toEqual([]);
    const call = await hold('req_1');
    expect(await seen()).toEqual(['in_flight req_1']);
    await settle(call);
    expect(await seen()).toEqual(['charged req_1']);
  });

  it('are those voided before, and the one that followed', async () => {
    const { hold, settle, voided, seen, ledger } = world();
    await voided('req_1');
    await voided('req_2');
    expect(await seen()).toEqual(['charged req_1', 'charged req_2']);
    const call = await hold('req_3');
    expect(await seen()).toEqual(['charged req_1', 'charged req_2', 'in_flight req_3']);
    await settle(call);
    expect(await seen()).toEqual(['charged req_1', 'charged req_2', 'charged req_3']);
    const charges = [];
    for await (const { id } of chargesUnder(ledger, BASE)) charges.push(id);
    expect(charges).toEqual(['base', 'base.1', 'base.2']);
  });

  it('are charged as soon as the charge stands, though the hold does too', async () => {
    const { table, hold, seen, ledger } = world();
    const call = await hold('req_1');
    await table.put({ item: chargeToItem(chargeOf(call, 5n)) });
    expect(await seen()).toEqual(['charged req_1']);
    expect(Object.keys((await ledger.leaves.read(alice))!.h)).toEqual(['base']);
  });

  it('are not lost to one that is settled while they are read', async () => {
    const { ledger, hold, settle } = world();
    const call = await hold('req_1');
    const read = ledger.leaves.read.bind(ledger.leaves);
    ledger.leaves.read = async (key) => {
      const leaf = await read(key);
      await settle(call);
      return leaf;
    };
    expect(await earlierCalls(ledger, { principal: ALICE, leaves: [alice] }, BASE)).toMatchObject([
      { state: 'charged' },
    ]);
  });

  it("are nobody else's", async () => {
    const { hold, settle, seen } = world();
    await settle(await hold('req_1'));
    expect(await seen({ type: 'user', id: 'bob' })).toEqual([]);
  });
});

/** The rate of the rung throttle, on every engine: which calls it counts, where, and what it costs those without. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { rungRates } from '../../lambdas/core/caps/rung-rates.ts';
import type { RungStage } from '../../lambdas/core/caps/rungs.ts';
import { auditLedger } from '../../lambdas/core/ledger/audit.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import type { ItemKey } from '../../lambdas/core/ports.ts';
import {
  alice,
  chargeOf,
  hours,
  ledgerOver,
  ManualClock,
  minutes,
  SeededIds,
  testCall,
  testCap,
} from '../support/worlds.ts';
import { engines, type OpenEngine } from './engines.ts';

const month = testCap('month', 'usd', 'month', 1_000_000n);
const team = testCap('team-month', 'usd', 'month', 1_000_000n, { scope: { type: 'team', id: 'growth' } });

for (const engine of engines) {
  describe(`a rate of two requests a minute on ${engine.name}`, () => {
    let opened: OpenEngine;
    let clock: ManualClock;
    let ids: SeededIds;
    let requests: string[];
    let world: ReturnType<typeof ledgerOver>;

    beforeEach(async () => {
      opened = await engine.open();
      clock = new ManualClock();
      ids = new SeededIds(7);
      requests = [];
      world = ledgerOver({ ...opened, api: watched(opened.api, requests) }, clock, ids);
    });
    afterEach(async () => opened.close());

    const reserve = (
      caps: readonly Cap[],
      {
        leaf = alice,
        by = world.ledger,
        rates = [2],
      }: { leaf?: ItemKey; by?: typeof world.ledger; rates?: number[] } = {},
    ): Promise<ReserveOutcome> => {
      const rateOf = (ladder: string): number => rates[ladder === 'default' ? 0 : 1]!;
      return by.reserve({ ...testCall(caps, ids), leaf, rates: (books) => rungRates(caps, books, rateOf) });
    };
    const kinds = async (count: number, ...call: Parameters<typeof reserve>): Promise<string[]> => {
      const outcomes: string[] = [];
      for (let i = 0; i < count; i += 1) outcomes.push((await reserve(...call)).kind);
      return outcomes;
    };
    const setStage = (account: string, g: RungStage, key = alice) =>
      world.ledger.leaves.change(key, (leaf) => ({
        ...leaf,
        g: (leaf.g ?? 0n) + 1n,
        a: { ...leaf.a, [account]: { ...leaf.a[account]!, g } },
      }));

    test('is a cap of every call from the stage on, and of none before', async () => {
      expect(await kinds(3, [month])).toEqual(['held', 'held', 'held']);
      await setStage('month', 'warned');
      expect(await kinds(1, [month])).toEqual(['held']);
      await setStage('month', 'throttled');
      expect(await kinds(3, [month])).toEqual(['held', 'held', 'short']);
      const short = await reserve([month]);
      if (short.kind !== 'short') throw new Error(short.kind);
      expect(short.caps).toMatchObject([{ id: 'month', metric: 'requests', limit: 2n, rungOf: month }]);
      clock.advance(minutes(1));
      expect(await kinds(3, [month])).toEqual(['held', 'held', 'short']);
    });

    test('counts what was admitted: a call that is given back may be made again', async () => {
      await reserve([month]);
      await setStage('month', 'throttled');
      const [first] = [await reserve([month]), await reserve([month])];
      if (first.kind !== 'held') throw new Error(first.kind);
      await world.ledger.voidUnsent(first.call);
      expect(await kinds(2, [month])).toEqual(['held', 'short']);
      const leaf = (await world.ledger.leaves.read(alice))!;
      expect(leaf.a['throttled:2']).toMatchObject({ l: 2n, f: 0n, s: 0n });
    });

    test('is kept by a process that has not heard of the stage', async () => {
      const elsewhere = ledgerOver(opened, clock, ids).ledger;
      await reserve([month], { by: elsewhere });
      await setStage('month', 'throttled');
      expect(await kinds(3, [month], { by: elsewhere })).toEqual(['held', 'held', 'short']);
    });

    test('costs no write and no read, neither those who have it nor the others', async () => {
      await reserve([month]);
      requests.length = 0;
      await reserve([month]);
      expect(requests).toEqual(['updateItem']);
      await setStage('month', 'throttled');
      await reserve([month]);
      requests.length = 0;
      const held = await reserve([month]);
      expect(requests).toEqual(['updateItem']);
      if (held.kind !== 'held') throw new Error(held.kind);
      await world.ledger.finish(chargeOf(held.call, 60n), alice);
      expect(requests).toEqual(['updateItem', 'putItem', 'updateItem']);
      expect((await world.ledger.leaves.read(alice))!.a['throttled:2']).toMatchObject({ f: 0n, s: 1n });
      expect(await auditLedger(world.table)).toMatchObject({ balanced: true });
    });

    test('of a shared cap holds for each caller by itself, within ten seconds', async () => {
      const [ann, bob] = ['ann', 'bob'].map((id) => leafKey({ type: 'user', id }));
      expect(await kinds(3, [team], { leaf: ann! })).toEqual(['held', 'held', 'held']);
      const elsewhere = ledgerOver(opened, clock, ids).ledger;
      await elsewhere.pools.change(team, (pool) => ({ ...pool, g: 'throttled' }));
      clock.advance(minutes(1));
      expect(await kinds(3, [team], { leaf: ann! })).toEqual(['held', 'held', 'short']);
      expect(await kinds(3, [team], { leaf: bob! })).toEqual(['held', 'held', 'short']);
    });

    test('of an app with several leaves is counted once, on the first', async () => {
      const [first, second] = [0, 1].map((number) => leafKey({ type: 'app', id: 'web' }, number));
      expect(await kinds(2, [team], { leaf: second! })).toEqual(['held', 'held']);
      await world.ledger.pools.change(team, (pool) => ({ ...pool, g: 'throttled' }));
      expect(await kinds(1, [team], { leaf: second! })).toEqual(['held']);
      expect(await kinds(2, [team], { leaf: first! })).toEqual(['held', 'short']);
      expect(await kinds(1, [team], { leaf: second! })).toEqual(['short']);
      const leaves = await Promise.all([first!, second!].map((key) => world.ledger.leaves.read(key)));
      expect(leaves.map((leaf) => leaf!.a['throttled:2']?.f)).toEqual([0n, undefined]);
    });

    test('is one for caps of one rate; of several rates each holds', async () => {
      const strict = testCap('day', 'usd', 'day', 1_000_000n, { ladder: 'strict' });
      const alike = testCap('week', 'usd', 'week', 1_000_000n);
      const caps = [month, alike, strict];
      await reserve(caps, { rates: [3, 1] });
      await setStage('month', 'throttled');
      await setStage('week', 'blocked');
      expect(await kinds(2, caps, { rates: [3, 1] })).toEqual(['held', 'held']);
      await setStage('day', 'throttled');
      expect(await kinds(2, caps, { rates: [3, 1] })).toEqual(['held', 'short']);
      const { a } = (await world.ledger.leaves.read(alice))!;
      expect([a['throttled:3']!.f, a['throttled:1']!.f]).toEqual([0n, 0n]);
    });

    test('is no consequence of a rate limit that is used up', async () => {
      const minute = testCap('minute', 'requests', 'minute', 100n);
      await reserve([minute]);
      await setStage('minute', 'throttled');
      expect(await kinds(4, [minute])).toEqual(['held', 'held', 'held', 'held']);
    });

    test('ends with its window, with a grant, and with a raised limit', async () => {
      const isRated = async (cap: Cap): Promise<boolean> => {
        const held = await reserve([cap]);
        if (held.kind !== 'held') throw new Error(held.kind);
        return 'throttled:2' in held.call.hold.c;
      };
      await reserve([month]);
      await setStage('month', 'throttled');
      expect(await isRated(month)).toBe(true);
      const { k: key } = (await world.ledger.leaves.read(alice))!.a['month']!;
      const expiresAt = epochMs(clock.now() + 1000);
      await world.ledger.grant(month, alice, { id: 'g', key, amount: 5n, expiresAt });
      expect(await isRated(month)).toBe(false);
      await setStage('month', 'throttled');
      const raised = { ...month, limit: 2_000_000n, revision: 2n };
      expect(await isRated(raised)).toBe(false);
      await setStage('month', 'throttled');
      clock.advance(hours(10 * 24));
      expect(await isRated(raised)).toBe(false);
    });

    test('fits into the write beside as many caps as a call may have', async () => {
      const caps = Array.from({ length: 32 }, (_, i) =>
        testCap(`cap-${i}`, 'usd', 'rolling_24h', 1_000_000n, {
          thresholds: { warn: [500], throttle: 600, block: 900 },
        }),
      );
      await reserve(caps);
      await setStage('cap-7', 'throttled');
      expect(await kinds(3, caps)).toEqual(['held', 'held', 'short']);
    });
  });
}

/** The same operations; each is noted. */
function watched(api: DynamoDbApi, requests: string[]): DynamoDbApi {
  return new Proxy(api, {
    get: (target, name: keyof DynamoDbApi) => (input: never) => {
      requests.push(name);
      return target[name](input);
    },
  });
}

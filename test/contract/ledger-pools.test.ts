/** Shared caps on every engine: leases, draws, pulls and denials, call by call. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { accountOf } from '../../lambdas/core/ledger/books.ts';
import { collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import type { HeldCall, Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { amountsOf, leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { chargeOf, hours, ledgerOver, ManualClock, SeededIds, testCall, testCap } from '../support/worlds.ts';
import { engines, type OpenEngine } from './engines.ts';

const team = (limit: bigint, more: Partial<Cap> = {}): Cap =>
  testCap('team-day', 'usd', 'day', limit, { scope: { type: 'team', id: 'growth' }, ...more });
const user = (name: string) => leafKey({ type: 'user', id: name });

for (const engine of engines) {
  describe(`shared caps on ${engine.name}`, () => {
    let opened: OpenEngine;
    let clock: ManualClock;
    let ids: SeededIds;
    let ledger: Ledger;

    beforeEach(async () => {
      opened = await engine.open();
      clock = new ManualClock();
      ids = new SeededIds(7);
      ({ ledger } = ledgerOver(opened, clock, ids));
    });
    afterEach(async () => opened.close());

    const call = (who: string, caps: Cap[], picoUsd: bigint, by: Ledger = ledger): Promise<ReserveOutcome> =>
      by.reserve({ ...testCall(caps, ids, { picoUsd }), leaf: user(who) });
    const held = async (outcome: Promise<ReserveOutcome>): Promise<{ call: HeldCall; leaf: Leaf }> => {
      const ended = await outcome;
      if (ended.kind !== 'held') throw new Error(`expected a hold, got ${ended.kind}`);
      return { call: ended.call, leaf: ended.books.leaf };
    };
    const spend = async (who: string, caps: Cap[], hold: bigint, used: bigint): Promise<void> => {
      const { call: heldCall } = await held(call(who, caps, hold));
      await ledger.finish(chargeOf(heldCall, used), user(who));
    };
    const pool = async () => (await ledger.pools.read('team-day'))!;
    const lease = async (who: string) => (await ledger.leaves.read(user(who)))?.a['team-day'];

    /** l = f + s + leases of the window, for the people named. */
    async function expectConserved(...people: string[]): Promise<void> {
      const { k, l, f, s } = await pool();
      const leases = await Promise.all(people.map(lease));
      const out = leases.reduce((sum, one) => sum + (one?.k === k ? one.l : 0n), 0n);
      expect(l).toBe(f + s + out);
    }

    test('the first call draws a few calls ahead, the next ones touch the leaf alone', async () => {
      const cap = team(100_000n);
      await spend('ann', [cap], 100n, 40n);
      expect(await pool()).toMatchObject({ f: 99_600n, s: 0n, l: 100_000n });
      expect(await lease('ann')).toMatchObject({ f: 360n, s: 40n, l: 400n, q: 8n });
      const before = (await pool()).v;
      await spend('ann', [cap], 100n, 100n);
      expect((await pool()).v).toBe(before);
      await expectConserved('ann', 'bob');
    });

    test('draws double, and take what was settled home', async () => {
      const cap = team(100_000n);
      for (let i = 0; i < 5; i += 1) await spend('ann', [cap], 100n, 100n);
      expect(await pool()).toMatchObject({ s: 400n, f: 98_800n });
      expect(await lease('ann')).toMatchObject({ f: 700n, s: 100n, l: 800n, q: 16n });
      await expectConserved('ann');
    });

    test('a call is held under own and shared caps in one write, and all of them or none', async () => {
      const own = testCap('ann-month', 'usd', 'month', 150n);
      const both = [own, team(100_000n)];
      const { leaf } = await held(call('ann', both, 100n));
      expect(leaf.a['ann-month']).toMatchObject({ f: 50n });
      expect(leaf.a['team-day']).toMatchObject({ f: 300n });
      const second = await call('ann', both, 100n);
      expect(second).toMatchObject({ kind: 'short', caps: [own] });
      expect(await lease('ann')).toMatchObject({ f: 300n });
    });

    test('1,000 concurrent calls of 40 people against a pool for exactly 137 admit exactly 137', async () => {
      const cap = team(137n * 100n + 99n);
      const ledgers = Array.from({ length: 4 }, () => ledgerOver(opened, clock, ids).ledger);
      const people = Array.from({ length: 40 }, (_, i) => `user-${i}`);
      let admitted = 0;
      const admit = async (i: number): Promise<void> => {
        const who = people[i % people.length]!;
        const by = ledgers[i % ledgers.length]!;
        for (;;) {
          const outcome = await call(who, [cap], 100n, by);
          if (outcome.kind === 'held') {
            admitted += 1;
            await by.finish(chargeOf(outcome.call, 100n), user(who));
            return;
          }
          if (outcome.kind === 'short') {
            const { s, l } = accountOf(outcome.books, cap);
            if (s + 100n > l) return; // cap reached: the money is really gone
          }
          expect(['short', 'crowded', 'undecided', 'unavailable']).toContain(outcome.kind);
          await clock.sleep();
        }
      };
      await Promise.all(Array.from({ length: 1000 }, (_, i) => admit(i)));
      expect(admitted).toBe(137);
      await expectConserved(...people);
    });

    test('an overrun that a lease cannot pay is paid by the pool, and what is left can be spent', async () => {
      const cap = team(1000n);
      await spend('ann', [cap], 100n, 900n);
      expect(await lease('ann')).toMatchObject({ f: -650n, s: 900n, l: 250n });
      await ledger.pools.giveBack((await ledger.leaves.read(user('ann')))!, 'team-day');
      expect(await lease('ann')).toMatchObject({ f: 0n, s: 0n, l: 0n });
      expect(await pool()).toMatchObject({ f: 100n, s: 900n, l: 1000n });
      await spend('bob', [cap], 100n, 100n);
      expect((await call('cat', [cap], 1n)).kind).toBe('short');
      await expectConserved('ann', 'bob', 'cat');
    });

    test('the pool pays what a lease owes now, not what it owed before a refund', async () => {
      const cap = team(1000n);
      const { call: open } = await held(call('ann', [cap], 200n));
      await spend('ann', [cap], 50n, 700n);
      const owing = (await ledger.leaves.read(user('ann')))!;
      expect(owing.a['team-day']!.f).toBeLessThan(0n);
      await ledger.finish(chargeOf(open, 0n), user('ann'));
      const before = [await lease('ann'), await pool()];
      await ledger.pools.giveBack(owing, 'team-day');
      expect([await lease('ann'), await pool()]).toEqual(before);
    });

    test('an overrun beyond the whole cap ends it, also for who has not heard of it', async () => {
      const cap = team(1000n);
      await spend('bob', [cap], 100n, 0n);
      await spend('ann', [cap], 100n, 1200n);
      expect((await call('cat', [cap], 800n)).kind).toBe('short');
      expect(await pool()).toMatchObject({ f: -450n, s: 1200n, l: 1000n });
      await expectConserved('ann', 'bob', 'cat');
    });

    test('a call that can be lowered gets what siblings have left, at the first try', async () => {
      const cap = team(1000n);
      for (const who of ['ann', 'bob', 'cat']) await spend(who, [cap], 250n, 240n);
      /** As much as is not spent, down to 10. */
      const lowered = testCall([cap], ids);
      const outcome = await ledger.reserve({
        ...lowered,
        leaf: user('dan'),
        fit: (books) => {
          const { l, s } = accountOf(books, cap);
          const usd = picoUsd(l - s < 900n ? l - s : 900n);
          return {
            ...lowered.fit(books),
            amounts: amountsOf(usd, 10n),
            smallest: amountsOf(picoUsd(10n), 10n),
          };
        },
      });
      if (outcome.kind !== 'held') throw new Error(outcome.kind);
      expect(outcome.call.hold.i.pu).toBe(280n);
      await expectConserved('ann', 'bob', 'cat', 'dan');
    });

    test('a transaction that is in the way of others again and again is planned anew, and no outage', async () => {
      const cap = team(1000n);
      let conflicts = 20;
      const busy: DynamoDbApi = {
        ...opened.api,
        transactWriteItems: (input) => {
          conflicts -= 1;
          if (conflicts < 0) return opened.api.transactWriteItems(input);
          const CancellationReasons = [{ Code: 'TransactionConflict' }, { Code: 'None' }];
          return Promise.reject(
            Object.assign(new Error(), { name: 'TransactionCanceledException', CancellationReasons }),
          );
        },
      };
      const { ledger: crowded } = ledgerOver({ ...opened, api: busy }, clock, ids);
      expect((await call('ann', [cap], 100n, crowded)).kind).toBe('held');
      conflicts = Infinity;
      expect((await call('bob', [cap], 100n, crowded)).kind).toBe('undecided');
      await expectConserved('ann', 'bob');
    });

    test('a pool that takes no write for the transactions of others is no outage, if they did what was to do', async () => {
      const cap = team(1000n);
      await spend('ann', [cap], 100n, 100n);
      clock.advance(hours(24));
      const inTheWay = Object.assign(new Error(), { name: 'TransactionConflictException' });
      let isMoved = false;
      const busy: DynamoDbApi = {
        ...opened.api,
        putItem: async (input) => {
          if (input.Item?.['pk']?.S !== 'P#team-day') return opened.api.putItem(input);
          if (!isMoved) await held(call('bob', [cap], 100n));
          isMoved = true;
          throw inTheWay;
        },
      };
      const { ledger: crowded } = ledgerOver({ ...opened, api: busy }, clock, ids);
      expect((await call('ann', [cap], 100n, crowded)).kind).toBe('held');
      clock.advance(hours(24));
      expect(await call('ann', [cap], 100n, crowded)).toMatchObject({ kind: 'unavailable' });
    });

    test('a block is not taken from a pool and a lease that were read while money went from one to the other', async () => {
      const cap = team(1000n, { thresholds: { warn: null, throttle: null, block: 500 } });
      await spend('ann', [cap], 300n, 300n);
      // The draw's reading: first the pool, then what was settled goes home, then the leaf.
      const { api } = opened;
      let poolsRead = 0;
      const torn: DynamoDbApi = {
        ...api,
        getItem: async (input) => {
          const output = await api.getItem(input);
          if (input.Key?.['pk']?.S === 'P#team-day' && (poolsRead += 1) === 2)
            await ledger.pools.giveBack((await ledger.leaves.read(user('ann')))!, 'team-day');
          return output;
        },
      };
      const other = ledgerOver({ ...opened, api: torn }, clock, ids).ledger;
      expect((await call('ann', [cap], 300n, other)).kind).toBe('held');
      expect(poolsRead).toBeGreaterThanOrEqual(2);
    });

    test.each([0, 1, 5, 11])(
      'what lies idle with a sibling is pulled before anybody is denied, %i hours later',
      async (later) => {
        const cap = team(400n);
        await spend('ann', [cap], 100n, 0n); // ann's lease: all she drew, and nothing spent
        clock.advance(hours(later));
        await collectLeaf(ledger, user('ann'), clock.now(), 1n);
        expect((await lease('ann'))!.f).toBeGreaterThan(0n);
        const { leaf } = await held(call('bob', [cap], 400n));
        expect(leaf.a['team-day']).toMatchObject({ f: 0n });
        expect(await lease('ann')).toMatchObject({ f: 0n });
        await expectConserved('ann', 'bob');
      },
    );

    test('a lease that has far more than is needed gives half of it, where everybody finds it', async () => {
      const cap = team(4000n);
      await spend('ann', [cap], 4000n, 0n);
      await held(call('bob', [cap], 100n));
      expect(await lease('ann')).toMatchObject({ f: 2000n });
      expect(await pool()).toMatchObject({ f: 1900n });
      await held(call('cat', [cap], 3400n)); // of the pool what it has, and of ann's no more than is needed
      expect(await lease('ann')).toMatchObject({ f: 500n });
      await expectConserved('ann', 'bob', 'cat');
    });

    test('what a sibling merely holds is no proof: not "cap reached" but "held"', async () => {
      const cap = team(400n);
      await held(call('ann', [cap], 350n));
      const outcome = await call('bob', [cap], 100n);
      expect(outcome).toMatchObject({ kind: 'short', caps: [cap] });
      if (outcome.kind !== 'short') return;
      expect(accountOf(outcome.books, cap)).toMatchObject({ s: 0n, l: 400n, f: 50n });
    });

    test('what a sibling has spent is counted, wherever it was settled', async () => {
      const cap = team(400n);
      await spend('ann', [cap], 100n, 100n);
      await spend('cat', [cap], 100n, 90n);
      const outcome = await call('bob', [cap], 300n);
      if (outcome.kind !== 'short') throw new Error(outcome.kind);
      expect(accountOf(outcome.books, cap)).toMatchObject({ s: 190n, l: 400n });
      await held(call('bob', [cap], 210n));
    });

    test('a new day makes the leases of the old one void, and settles reach no closed window', async () => {
      const cap = team(1000n);
      const { call: late } = await held(call('ann', [cap], 100n));
      clock.advance(hours(24));
      await spend('ann', [cap], 100n, 100n);
      expect(await pool()).toMatchObject({ l: 1000n });
      await ledger.finish(chargeOf(late, 100n), user('ann'));
      expect(await lease('ann')).toMatchObject({ s: 100n });
      await expectConserved('ann');
    });

    test('a lowered limit is in force as far as money is free; idle leases are pulled first', async () => {
      await spend('ann', [team(1000n)], 100n, 100n);
      const lower = team(300n, { revision: 2n });
      await spend('bob', [lower], 200n, 200n);
      expect(await pool()).toMatchObject({ l: 300n });
      const outcome = await call('bob', [lower], 1n);
      if (outcome.kind !== 'short') throw new Error(outcome.kind);
      expect(accountOf(outcome.books, lower)).toMatchObject({ s: 300n, l: 300n });
      await expectConserved('ann', 'bob');
    });

    test('a block below the limit ends it there', async () => {
      const cap = team(1000n, { thresholds: { warn: null, throttle: null, block: 500 } });
      await spend('ann', [cap], 500n, 500n);
      expect(await call('bob', [cap], 1n)).toMatchObject({ kind: 'held' });
      await ledger.pools.giveBack((await ledger.leaves.read(user('ann')))!, 'team-day');
      expect(await call('bob', [cap], 1n)).toMatchObject({ kind: 'short' });
    });

    test('an idle lease goes home with what was settled on it', async () => {
      const cap = team(100_000n);
      await spend('ann', [cap], 100n, 40n);
      await ledger.pools.giveBack((await ledger.leaves.read(user('ann')))!, 'team-day');
      expect(await pool()).toMatchObject({ f: 99_960n, s: 40n });
      expect(await lease('ann')).toMatchObject({ f: 0n, s: 0n, l: 0n, q: 1n });
    });

    test('an overrun takes more than the lease had, and conserves', async () => {
      const cap = team(1000n);
      await spend('ann', [cap], 100n, 700n);
      expect(await lease('ann')).toMatchObject({ f: -450n, s: 700n, l: 250n });
      await spend('ann', [cap], 100n, 100n);
      await expectConserved('ann');
    });
  });
}

/** What changes books beside calls, on every engine: grants, evidence, adjustments, idle leases; and their audit. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { epochMs, picoUsd } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { auditLedger } from '../../lambdas/core/ledger/audit.ts';
import { orphanCharge, presumed } from '../../lambdas/core/ledger/charge.ts';
import { collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import { takeEvidence } from '../../lambdas/core/ledger/evidence.ts';
import { windowKeyAt } from '../../lambdas/core/caps/windows.ts';
import {
  alice,
  chargeOf,
  hours,
  ledgerOver,
  ManualClock,
  minutes,
  NOON,
  SeededIds,
  testCall,
  testCap,
} from '../support/worlds.ts';
import { engines, type OpenEngine } from './engines.ts';

const own = testCap('alice-day', 'usd', 'day', 1000n);
const rolling = testCap('rolling', 'usd', 'rolling_24h', 1000n);
const rate = testCap('rate', 'requests', 'day', 10n);
const team = testCap('team-day', 'usd', 'day', 1000n, { scope: { type: 'team', id: 'growth' } });
const ALL = [own, rolling, rate, team];

for (const engine of engines) {
  describe(`corrections on ${engine.name}`, () => {
    let opened: OpenEngine;
    let clock: ManualClock;
    let world: ReturnType<typeof ledgerOver>;
    beforeEach(async () => {
      opened = await engine.open();
      clock = new ManualClock();
      world = ledgerOver(opened, clock, new SeededIds(7));
    });
    afterEach(async () => opened.close());

    const hold = async (caps: Cap[], picoUsd: bigint) => {
      const outcome = await world.ledger.reserve(testCall(caps, world.ids, { picoUsd }));
      if (outcome.kind !== 'held') throw new Error(outcome.kind);
      return outcome.call;
    };
    const leafAccount = async (name: string) => (await world.ledger.leaves.read(alice))?.a[name];
    const pool = async () => (await world.ledger.pools.read('team-day'))!;
    const audit = async () => (await auditLedger(world.table)).differences;
    const key = windowKeyAt(own.window, NOON);
    const grantOf = (amount: bigint) => ({
      id: 'grant_1',
      key,
      amount,
      expiresAt: epochMs(NOON + hours(2)),
    });

    describe.each([
      ['an own cap', own, async () => (await leafAccount('alice-day'))!],
      ['a shared cap', team, pool],
    ])('a grant over %s', (_what, cap, account) => {
      test('raises the limit once, however often it is made', async () => {
        for (let i = 0; i < 3; i += 1) await world.ledger.grant(cap, alice, grantOf(500n));
        expect(await account()).toMatchObject({ l: 1500n, f: 1500n });
        await hold([cap], 1400n);
        expect(await audit()).toEqual([]);
      });

      test('lets what is free of it go when it expires; what it has paid stays paid', async () => {
        await world.ledger.grant(cap, alice, grantOf(500n));
        await world.ledger.finish(chargeOf(await hold([cap], 1200n), 1200n), alice);
        clock.advance(hours(3));
        const refused = await world.ledger.reserve(testCall([cap], world.ids, { picoUsd: 100n }));
        expect(refused.kind).toBe('short');
        expect((await account()).l).toBe(1200n);
        expect(await audit()).toEqual([]);
        await world.ledger.grant(cap, alice, grantOf(500n));
        expect((await account()).l).toBe(1200n);
      });

      test('ends with its window, and does not come back in the next', async () => {
        await world.ledger.grant(cap, alice, { ...grantOf(500n), expiresAt: epochMs(NOON + hours(48)) });
        clock.advance(hours(24));
        await hold([cap], 10n);
        expect((await account()).l).toBe(1000n);
        await world.ledger.grant(cap, alice, { ...grantOf(500n), expiresAt: epochMs(NOON + hours(48)) });
        expect((await account()).l).toBe(1000n);
        expect(await audit()).toEqual([]);
      });

      test('is kept by a change of the limit', async () => {
        await world.ledger.grant(cap, alice, grantOf(500n));
        await hold([{ ...cap, limit: 2000n, revision: 2n }], 10n);
        expect((await account()).l).toBe(2500n);
      });
    });

    describe('evidence', () => {
      const given = (call: { id: string; leaf: typeof alice }, u: bigint) =>
        takeEvidence(
          { ...world, clock },
          { id: call.id as never, leaf: call.leaf },
          { billed: picoUsd(u), tokens: u / 10n, source: 'provider log of 24 November' },
        );

      test('of a call that may be running is not taken', async () => {
        const call = await hold(ALL, 400n);
        expect(await given(call, 0n)).toEqual({ kind: 'may_be_running' });
      });

      test('that nothing happened gives the hold back, as a charge of nothing', async () => {
        const call = await hold(ALL, 400n);
        clock.advance(minutes(17));
        expect(await given(call, 0n)).toMatchObject({
          kind: 'charged',
          charge: { outcome: 'voided', used: { u: 0n }, source: 'provider log of 24 November' },
        });
        expect(await leafAccount('alice-day')).toMatchObject({ f: 1000n, s: 0n });
        expect(await leafAccount('rate')).toMatchObject({ f: 10n, s: 0n });
        expect(await audit()).toEqual([]);
      });

      test('of what was billed is charged in place of the hold', async () => {
        const call = await hold(ALL, 400n);
        clock.advance(minutes(17));
        await given(call, 70n);
        expect(await leafAccount('alice-day')).toMatchObject({ f: 930n, s: 70n });
        expect(await leafAccount('rolling')).toMatchObject({ f: 930n, s: 70n });
        expect(await audit()).toEqual([]);
      });

      test.each([0n, 70n, 900n])('of %i corrects a presumed charge, once', async (billed) => {
        const call = await hold(ALL, 400n);
        clock.advance(minutes(60));
        await presume();
        expect(await leafAccount('alice-day')).toMatchObject({ s: 400n });
        for (let i = 0; i < 3; i += 1) {
          const outcome = await given(call, billed);
          expect(outcome).toMatchObject({ kind: 'adjusted', charge: { used: { u: billed - 400n } } });
        }
        expect(await leafAccount('alice-day')).toMatchObject({ f: 1000n - billed, s: billed });
        expect(await leafAccount('rolling')).toMatchObject({ f: 1000n - billed, s: billed });
        expect(await leafAccount('rate')).toMatchObject({ s: billed === 0n ? 0n : 1n });
        const { l, f, s } = await pool();
        const lease = (await leafAccount('team-day'))!;
        expect([l - f - s - lease.l, s + lease.s]).toEqual([0n, billed]);
        expect(await audit()).toEqual([]);
      });

      test('of a call that was settled from the provider changes nothing', async () => {
        const call = await hold(ALL, 400n);
        await world.ledger.finish(chargeOf(call, 300n), alice);
        clock.advance(minutes(60));
        expect(await given(call, 0n)).toMatchObject({ kind: 'settled' });
        expect(await leafAccount('alice-day')).toMatchObject({ s: 300n });
      });

      test('that comes after the window has ended reaches no account of the next', async () => {
        const call = await hold([own, team], 400n);
        clock.advance(hours(26));
        await presume();
        await hold([own, team], 10n);
        expect(await given(call, 0n)).toMatchObject({ kind: 'adjusted' });
        expect(await leafAccount('alice-day')).toMatchObject({ l: 1000n, f: 990n, s: 0n });
        expect(await audit()).toEqual([]);
      });

      test('of a call that nobody made is unknown', async () => {
        expect(await given({ id: 'nobody', leaf: alice }, 0n)).toEqual({ kind: 'unknown' });
      });

      /** As the collector does for holds past their lifetime. */
      async function presume(): Promise<void> {
        const leaf = (await world.ledger.leaves.read(alice))!;
        const [id, open] = Object.entries(leaf.h)[0]!;
        const charge = orphanCharge(id as never, alice.pk, open, open.at);
        await world.ledger.finish({ ...charge, ...presumed(open.i, 'nobody told') }, alice);
      }
    });

    describe('the collector', () => {
      const collect = () => collectLeaf(world.ledger, alice, clock.now(), 1n);
      const monthly = testCap('team-month', 'usd', 'month', 1000n, { scope: team.scope });
      const lifelong = testCap('team-life', 'usd', 'lifetime', 1000n, { scope: team.scope });

      test('leaves a lease alone that was drawn within a week', async () => {
        await world.ledger.finish(chargeOf(await hold([monthly], 100n), 60n), alice);
        clock.advance(hours(6 * 24 + 23));
        await collect();
        expect(await leafAccount('team-month')).toMatchObject({ s: 60n });
      });

      test('gives an idle lease back with what was settled on it, then takes it off the leaf', async () => {
        await world.ledger.finish(chargeOf(await hold([lifelong], 100n), 60n), alice);
        clock.advance(hours(7 * 24));
        await collect();
        expect(await world.ledger.pools.read('team-life')).toMatchObject({ f: 940n, s: 60n });
        clock.advance(hours(7 * 24));
        await collect();
        expect(await leafAccount('team-life')).toBeUndefined();
        await hold([lifelong], 100n);
        expect(await audit()).toEqual([]);
      });

      test('gives back within the hour what others may look for: less than a quarter is left', async () => {
        await world.ledger.finish(chargeOf(await hold([monthly], 760n), 60n), alice);
        clock.advance(minutes(59));
        await collect();
        expect(await leafAccount('team-month')).toMatchObject({ s: 60n });
        clock.advance(minutes(1));
        await collect();
        expect(await world.ledger.pools.read('team-month')).toMatchObject({ f: 940n, s: 60n });
        expect(await audit()).toEqual([]);
      });

      test('takes a lease of a window that is over off the leaf, not one that a call still holds', async () => {
        const call = await hold([team], 100n);
        clock.advance(hours(24));
        await world.ledger.pools.change(team);
        await collect();
        expect(await leafAccount('team-day')).toBeDefined();
        await world.ledger.finish(chargeOf(call, 60n), alice);
        await collect();
        expect(await leafAccount('team-day')).toBeUndefined();
        expect(await audit()).toEqual([]);
      });
    });

    describe('the audit', () => {
      test('names a pool that lost rights, and one whose spend is not what was charged', async () => {
        await world.ledger.finish(chargeOf(await hold([team], 100n), 60n), alice);
        const wrong = await pool();
        await world.table.put({
          item: { ...wrong, f: wrong.f - 5n, s: wrong.s + 3n, v: wrong.v + 1n } as never,
        });
        expect(await audit()).toEqual([
          expect.objectContaining({
            account: 'team-day',
            rule: 'limit = free + settled + leases',
            expected: '998',
            found: '1000',
          }),
          expect.objectContaining({
            account: 'team-day',
            rule: 'settled = sum of charges',
            expected: '60',
            found: '63',
          }),
        ]);
      });
    });
  });
}

/** The ledger's contract, run on every engine: what the promise means, call by call. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import { putIfAbsent } from '../../lambdas/core/ledger/expressions.ts';
import type { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import type { HeldCall, Leaf } from '../../lambdas/core/ledger/leaf.ts';
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

for (const engine of engines) {
  describe(`the ledger on ${engine.name}`, () => {
    let opened: OpenEngine;
    let clock: ManualClock;
    let ids: SeededIds;
    let world: ReturnType<typeof ledgerOver>;

    beforeEach(async () => {
      opened = await engine.open();
      clock = new ManualClock();
      ids = new SeededIds(7);
      world = ledgerOver(opened, clock, ids);
    });
    afterEach(async () => opened.close());

    const accountOf = async (name: string) => (await world.ledger.leaves.read(alice))!.a[name]!;

    test('5,000 concurrent calls against a cap that pays for exactly 137 admit exactly 137', async () => {
      const cap = testCap('alice-month', 'usd', 'month', 137n * 100n + 99n);
      const processes = Array.from({ length: 4 }, () => ledgerOver(opened, clock, ids).ledger);
      // A throttled caller waits until somebody else's call ends, as a client's retry-after makes it.
      const waiting: (() => void)[] = [];
      let ended = 0;
      const someoneEnded = (): void => {
        ended += 1;
        for (const wake of waiting.splice(0, 2)) wake();
      };
      const admit = async (ledger: Ledger): Promise<'admitted' | 'denied'> => {
        for (;;) {
          const endedBefore = ended;
          const outcome = await ledger.reserve(testCall([cap], ids, { picoUsd: 100n }));
          if (outcome.kind === 'held') {
            await ledger.finish(chargeOf(outcome.call, 100n), alice);
            someoneEnded();
            return 'admitted';
          }
          if (outcome.kind === 'short') {
            const { s, l } = outcome.books.leaf.a['alice-month']!;
            if (s + 100n > l) {
              someoneEnded();
              return 'denied'; // cap reached; otherwise it is held by calls in flight
            }
          }
          expect(outcome).not.toHaveProperty('reason');
          expect(['short', 'crowded']).toContain(outcome.kind);
          if (ended === endedBefore) await new Promise<void>((resolve) => waiting.push(resolve));
        }
      };
      const ends = await Promise.all(
        Array.from({ length: 5000 }, (_, i) => admit(processes[i % processes.length]!)),
      );
      expect(ends.filter((end) => end === 'admitted')).toHaveLength(137);
      const leaf = (await world.ledger.leaves.read(alice))!;
      expect(leaf.a['alice-month']).toMatchObject({ f: 99n, s: 13_700n, l: 13_799n });
      expect(leaf.h).toEqual({});
    });

    test('a hold deducts the worst case, a settle gives the rest back', async () => {
      const caps = [testCap('usd-day', 'usd', 'day', 1000n), testCap('tok-hour', 'tokens', 'hour', 50n)];
      const { call } = held(await world.ledger.reserve(testCall(caps, ids, { picoUsd: 400n, tokens: 30n })));
      expect(await accountOf('usd-day')).toMatchObject({ f: 600n, s: 0n });
      expect(await accountOf('tok-hour')).toMatchObject({ f: 20n, s: 0n });
      await world.ledger.finish(chargeOf(call, 150n, 12n), alice);
      expect(await accountOf('usd-day')).toMatchObject({ f: 850n, s: 150n, l: 1000n });
      expect(await accountOf('tok-hour')).toMatchObject({ f: 38n, s: 12n, l: 50n });
    });

    test('one account that cannot pay refuses the call on all of them', async () => {
      const caps = [testCap('big', 'usd', 'month', 1000n), testCap('small', 'usd', 'day', 99n)];
      const outcome = await world.ledger.reserve(testCall(caps, ids, { picoUsd: 100n }));
      expect(outcome).toMatchObject({ kind: 'short', caps: [{ id: 'small' }] });
      expect(await accountOf('big')).toMatchObject({ f: 1000n, s: 0n });
    });

    test('a second settle of the same call changes nothing, whatever it claims', async () => {
      const cap = testCap('c', 'usd', 'month', 1000n);
      const { call } = held(await world.ledger.reserve(testCall([cap], ids, { picoUsd: 400n })));
      await world.ledger.finish(chargeOf(call, 150n), alice);
      const again = await world.ledger.finish(chargeOf(call, 390n), alice);
      expect(again.charge.used.u).toBe(150n);
      expect(await accountOf('c')).toMatchObject({ f: 850n, s: 150n });
    });

    test('windows roll lazily; a refund never reaches a later window', async () => {
      const cap = testCap('minute', 'requests', 'minute', 2n);
      const first = held(await world.ledger.reserve(testCall([cap], ids)));
      held(await world.ledger.reserve(testCall([cap], ids)));
      expect((await world.ledger.reserve(testCall([cap], ids))).kind).toBe('short');
      clock.advance(minutes(1));
      held(await world.ledger.reserve(testCall([cap], ids)));
      expect(await accountOf('minute')).toMatchObject({ f: 1n, s: 0n, l: 2n });
      await world.ledger.voidUnsent(first.call);
      expect(await accountOf('minute')).toMatchObject({ f: 1n, s: 0n, l: 2n });
    });

    test('a rolling window lets money go bucket by bucket, and keeps n + 1 buckets', async () => {
      const cap = testCap('rolling', 'usd', 'rolling_2h', 300n);
      await spend(100n);
      clock.advance(hours(1));
      await spend(200n);
      expect((await world.ledger.reserve(testCall([cap], ids, { picoUsd: 1n }))).kind).toBe('short');
      clock.advance(hours(1));
      expect((await world.ledger.reserve(testCall([cap], ids, { picoUsd: 1n }))).kind).toBe('short');
      clock.advance(hours(1)); // the first bucket is wholly outside now
      await spend(100n);
      expect((await world.ledger.reserve(testCall([cap], ids, { picoUsd: 1n }))).kind).toBe('short');

      async function spend(amount: bigint): Promise<void> {
        const { call } = held(await world.ledger.reserve(testCall([cap], ids, { picoUsd: amount })));
        await world.ledger.finish(chargeOf(call, amount), alice);
      }
    });

    test('a concurrent slot is given back by settle, or by time, and never by both', async () => {
      const cap = testCap('two', 'concurrent', '', 2n);
      const first = held(await world.ledger.reserve(testCall([cap], ids)));
      const second = held(await world.ledger.reserve(testCall([cap], ids)));
      expect((await world.ledger.reserve(testCall([cap], ids))).kind).toBe('short');
      await world.ledger.finish(chargeOf(first.call, 100n), alice);
      expect(await accountOf('two')).toMatchObject({ f: 1n, s: 0n });
      clock.advance(minutes(17));
      held(await world.ledger.reserve(testCall([cap], ids)));
      expect(await accountOf('two')).toMatchObject({ f: 1n });
      await world.ledger.finish(chargeOf(second.call, 100n), alice);
      expect(await accountOf('two')).toMatchObject({ f: 1n, l: 2n });
    });

    test('a raised and a lowered limit move what is free, spent money stays', async () => {
      const cap = testCap('c', 'usd', 'month', 1000n);
      const { call } = held(await world.ledger.reserve(testCall([cap], ids, { picoUsd: 600n })));
      await world.ledger.finish(chargeOf(call, 600n), alice);
      const lowered = testCap('c', 'usd', 'month', 500n, { revision: 2n });
      expect((await world.ledger.reserve(testCall([lowered], ids, { picoUsd: 1n }))).kind).toBe('short');
      expect(await accountOf('c')).toMatchObject({ f: -100n, s: 600n, l: 500n });
      // A process that has not heard of the change yet does not undo it.
      expect((await world.ledger.reserve(testCall([cap], ids, { picoUsd: 1n }))).kind).toBe('short');
      const raised = testCap('c', 'usd', 'month', 700n, { revision: 3n });
      held(await world.ledger.reserve(testCall([raised], ids, { picoUsd: 100n })));
      expect(await accountOf('c')).toMatchObject({ f: 0n, s: 600n, l: 700n });
    });

    test('a leaf takes 64 calls in flight and no more', async () => {
      const cap = testCap('c', 'usd', 'month', 1_000_000n);
      for (let i = 0; i < 64; i += 1) held(await world.ledger.reserve(testCall([cap], ids)));
      expect((await world.ledger.reserve(testCall([cap], ids))).kind).toBe('crowded');
    });

    describe('after a crash', () => {
      test('between charge and settle: the collector settles from the charge', async () => {
        const cap = testCap('c', 'usd', 'month', 1000n);
        const { call } = held(await world.ledger.reserve(testCall([cap], ids, { picoUsd: 400n })));
        await world.table.put(putIfAbsent(chargeToItem(chargeOf(call, 150n))));
        clock.advance(minutes(2));
        expect(await collectLeaf(world.ledger, alice, clock.now(), ids.randomBits(40))).toEqual({
          settled: 1,
          presumed: 0,
        });
        expect(await accountOf('c')).toMatchObject({ f: 850n, s: 150n });
      });

      test('before the charge: a day later it is presumed spent, once', async () => {
        const cap = testCap('c', 'usd', 'month', 1000n);
        const { call } = held(await world.ledger.reserve(testCall([cap], ids, { picoUsd: 400n })));
        clock.advance(hours(23));
        expect(await collectLeaf(world.ledger, alice, clock.now(), ids.randomBits(40))).toEqual({
          settled: 0,
          presumed: 0,
        });
        clock.advance(hours(2));
        expect(await collectLeaf(world.ledger, alice, clock.now(), ids.randomBits(40))).toEqual({
          settled: 0,
          presumed: 1,
        });
        expect(await collectLeaf(world.ledger, alice, clock.now(), ids.randomBits(40))).toEqual({
          settled: 0,
          presumed: 0,
        });
        expect(await accountOf('c')).toMatchObject({ f: 600n, s: 400n });
        expect(await world.ledger.readCharge(call.id)).toMatchObject({
          outcome: 'presumed_spent',
          used: { u: 400n },
          reason: 'its process ended without a charge, and nobody told within a day what it cost',
        });
        // The process was not dead, only slow: its charge comes too late and changes nothing.
        await world.ledger.finish(chargeOf(call, 10n), alice);
        expect(await accountOf('c')).toMatchObject({ f: 600n, s: 400n });
      });

      test('32 orphans on one leaf are presumed early, those that cannot run any more', async () => {
        const cap = testCap('c', 'usd', 'month', 1_000_000n);
        const { call: first } = held(await world.ledger.reserve(testCall([cap], ids)));
        for (let i = 1; i < 32; i += 1) held(await world.ledger.reserve(testCall([cap], ids)));
        clock.advance(minutes(17));
        held(await world.ledger.reserve(testCall([cap], ids)));
        const collected = await collectLeaf(world.ledger, alice, clock.now(), ids.randomBits(40));
        expect(collected.presumed).toBeGreaterThanOrEqual(1);
        const leaf = (await world.ledger.leaves.read(alice))!;
        expect(leaf.a['c']!.s + BigInt(Object.keys(leaf.h).length) * 100n).toBe(3300n);
        expect(await world.ledger.readCharge(first.id)).toMatchObject({
          reason: 'its process ended without a charge, and its caller had 33 calls open',
        });
      });
    });

    describe('with an idempotency key', () => {
      const cap = testCap('c', 'usd', 'month', 1000n);
      const retry = (bodyHash = 'body') => testCall([cap], ids, { id: 'same', bodyHash, picoUsd: 400n });

      test('a retry of a call in flight finds it and holds nothing', async () => {
        held(await world.ledger.reserve(retry()));
        const outcome = await world.ledger.reserve(retry());
        expect(outcome).toMatchObject({ kind: 'in_flight', hold: { i: { bh: 'body' } } });
        expect(await accountOf('c')).toMatchObject({ f: 600n });
      });

      test('a retry of a charged call gets the charge and holds nothing', async () => {
        const { call } = held(await world.ledger.reserve(retry()));
        await world.ledger.finish(chargeOf(call, 150n), alice);
        expect(await world.ledger.reserve(retry('other'))).toMatchObject({
          kind: 'recorded',
          charge: { used: { u: 150n }, info: { bh: 'body' } },
        });
        expect(await accountOf('c')).toMatchObject({ f: 850n, s: 150n });
        expect((await world.ledger.leaves.read(alice))!.h).toEqual({});
      });

      test('a retry of a charged call is told so also where the cap could not pay it', async () => {
        const { call } = held(await world.ledger.reserve(retry()));
        await world.ledger.finish(chargeOf(call, 400n), alice);
        const other = held(await world.ledger.reserve(testCall([cap], ids, { picoUsd: 600n })));
        expect(await world.ledger.reserve(retry())).toMatchObject({ kind: 'recorded' });
        await world.ledger.voidUnsent(other.call);
      });

      test('the key of a voided call may be used again', async () => {
        const first = held(await world.ledger.reserve(retry()));
        const voided = {
          ...chargeOf(first.call, 0n, 0n),
          used: { u: 0n, t: 0n, r: 0n, c: 0n },
          outcome: 'voided' as const,
        };
        await world.ledger.finish(voided, alice);
        const second = held(await world.ledger.reserve(retry()));
        expect(second.call.id).toBe('same.1');
        expect(Object.keys(second.leaf.h)).toEqual(['same.1']);
        expect(await accountOf('c')).toMatchObject({ f: 600n, s: 0n });
      });
    });
  });
}

function held(outcome: ReserveOutcome): { call: HeldCall; leaf: Leaf } {
  if (outcome.kind !== 'held') throw new Error(`expected a hold, got ${outcome.kind}`);
  return { call: outcome.call, leaf: outcome.books.leaf };
}

/** How long to wait for what others hold, and for whose calls: own ones, a colleague's, those whose process is gone. */
import { describe, expect, it, test } from 'vitest';
import { explainShort, type DenialContext } from '../../lambdas/core/admission/denial.ts';
import { heldWait, typicalWait } from '../../lambdas/core/admission/held-wait.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { Books } from '../../lambdas/core/ledger/books.ts';
import type { Account, Hold, Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { amountsOf } from '../../lambdas/core/ledger/leaf.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { usd } from '../../lambdas/core/money.ts';
import { alice, NOON, testCap } from '../support/worlds.ts';

const OWN = testCap('mine', 'usd', 'lifetime', 1000n);
const SHARED = testCap('team', 'usd', 'lifetime', 1000n, { scope: { type: 'team', id: 'growth' } });
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A call that has held `n` of a cap for `age` milliseconds. */
const holdOf = (cap: Cap, n: bigint, age: number): Hold =>
  ({
    at: BigInt(NOON - age) * 2n ** 40n,
    x: BigInt(NOON - age + DAY),
    c: { [cap.account]: { k: 0n, n, m: 'u' } },
  }) as unknown as Hold;

function booksWith(cap: Cap, { settled = 0n, holds = [] as Hold[], lease = 1000n }): Books {
  const held = holds.reduce((sum, { c }) => sum + c[cap.account]!.n, 0n);
  const isShared = cap === SHARED;
  const l = isShared ? lease : cap.limit;
  const account: Account = { k: 0n, f: l - settled - held, s: settled, l };
  const leaf: Leaf = {
    ...alice,
    v: 1n,
    t: 0n,
    a: { [cap.account]: account },
    h: Object.fromEntries(holds.map((hold, i) => [`hold-${i}`, hold])),
  };
  const pool: Account = { k: 0n, f: 0n, s: 0n, l: cap.limit };
  return { leaf, pools: new Map(isShared ? [[cap.account, pool]] : []) };
}
const queue = { now: NOON, jitter: 0, ahead: 0 };

describe('calls in flight of one’s own', () => {
  it('take about as long as they have taken', () => {
    const holds = [3000, 4000, 50_000].map((age) => holdOf(OWN, 300n, age));
    expect(heldWait(OWN, booksWith(OWN, { holds }), 200n, queue)).toEqual({
      waitMs: 4000,
      openUntil: undefined,
      isFreedByOwnCalls: true,
    });
  });

  it('whatever those have been there whose process is gone', () => {
    const holds = [holdOf(OWN, 100n, 5000), holdOf(OWN, 100n, 3 * 60 * MINUTE), holdOf(OWN, 100n, 2 * DAY)];
    expect(typicalWait(booksWith(OWN, { holds }).leaf, queue)).toBe(5000);
    expect(heldWait(OWN, booksWith(OWN, { holds }), 800n, queue).waitMs).toBe(5000);
  });

  it('of a shared cap free what they hold there', () => {
    const holds = [holdOf(SHARED, 900n, 4000)];
    const books = booksWith(SHARED, { holds });
    expect(heldWait(SHARED, books, 500n, queue)).toMatchObject({ waitMs: 1000, isFreedByOwnCalls: true });
  });
});

describe('what colleagues hold of a shared cap', () => {
  it('is not waited for', () => {
    const books = booksWith(SHARED, { holds: [holdOf(SHARED, 100n, 4000)], lease: 100n });
    expect(heldWait(SHARED, books, 500n, queue)).toEqual({
      waitMs: 1000,
      openUntil: undefined,
      isFreedByOwnCalls: false,
    });
  });
});

describe('calls whose process is gone', () => {
  const HOUR = 60 * MINUTE;

  it.each([
    ['own', OWN],
    ['shared', SHARED],
  ])('keep a call out until their hold expires: %s', (_what, cap) => {
    const holds = [holdOf(cap, 300n, 2 * HOUR), holdOf(cap, 300n, 5 * HOUR), holdOf(cap, 100n, 4000)];
    expect(heldWait(cap, booksWith(cap, { holds }), 500n, queue)).toEqual({
      waitMs: 19 * HOUR,
      openUntil: NOON + 19 * HOUR,
      isFreedByOwnCalls: false,
    });
  });

  it('are not counted before sixteen minutes have passed', () => {
    const at = (age: number) =>
      heldWait(OWN, booksWith(OWN, { holds: [holdOf(OWN, 800n, age)] }), 500n, queue);
    expect(at(16 * MINUTE).openUntil).toBeUndefined();
    expect(at(16 * MINUTE + 1).openUntil).toBe(NOON + DAY - 16 * MINUTE - 1);
  });

  it('on a crowded leaf are presumed spent by the next round of the collector', () => {
    const holds = Array.from({ length: 32 }, () => holdOf(OWN, 30n, HOUR));
    expect(heldWait(OWN, booksWith(OWN, { holds }), 500n, queue)).toMatchObject({
      waitMs: 30_000,
      openUntil: NOON - HOUR + 16 * MINUTE,
    });
  });

  test('are told of in the refusal, which stays "held": nobody knows yet what they cost', () => {
    const cap = testCap('mine', 'usd', 'lifetime', usd('1'));
    const books = booksWith(cap, { holds: [holdOf(cap, usd('0.80'), 2 * HOUR)] });
    const amounts = amountsOf(picoUsd(usd('0.50')), 1n);
    const fit = { amounts, outputTokensMax: null, smallest: amounts, isLowered: false };
    const context = { ...queue, caps: [cap], requestUrl: '', plan: { outputTokens: null } };
    expect(explainShort([cap], books, fit, context as unknown as DenialContext)).toMatchObject({
      code: 'throttled',
      message:
        'Your cap of $1.00 in all (mine) is busy: calls in flight hold $0.80 of it; what some of them cost is not known, since nobody saw their end, and counts as spent from 2026-11-25T10:00:00Z on; try again in 79200 s.',
      limit: { reason: 'held', settled: '0.00', reserved: '0.80', requested: '0.50' },
      retryAfterMs: 22 * HOUR,
      isFreedByOwnCalls: false,
    });
  });
});

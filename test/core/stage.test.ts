import { describe, expect, it, test } from 'vitest';
import type { Cap, Thresholds } from '../../lambdas/core/caps/cap.ts';
import { prepareLeaf } from '../../lambdas/core/ledger/accounts.ts';
import { newLeaf, type Account, type Hold, type Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { usd } from '../../lambdas/core/money.ts';
import {
  capView,
  highestStage,
  resetOf,
  stageOf,
  STAGES,
  type Stage,
} from '../../lambdas/core/caps/stage.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';
import { alice, booksOf, NOON, testCap } from '../support/worlds.ts';

/** 2026-11-01T00:00:00Z and 2026-11-24T10:00:00Z, in seconds. */
const NOVEMBER = 1_793_491_200n;
const TEN = 1_795_514_400n;

interface Figures {
  limit?: string;
  overage?: string;
  grants?: string;
  settled: string;
  held?: string;
}
/** A monthly cap and its account on the leaf, in dollars. */
function month(
  { limit = '20', overage = '0', grants = '0', settled, held = '0' }: Figures,
  thresholds?: Thresholds,
) {
  const cap = testCap('month', 'usd', 'month', usd(limit), {
    overage: usd(overage),
    ...(thresholds && { thresholds }),
  });
  const effective = usd(limit) + usd(overage) + usd(grants);
  const free = effective - usd(settled) - usd(held);
  return { cap, account: { k: NOVEMBER, f: free, s: usd(settled), l: effective, r: 1n } };
}
const leafOf = (accounts: Record<string, Account>, held: Record<string, [bigint, bigint]> = {}): Leaf => ({
  ...alice,
  v: 1n,
  t: 0n,
  a: accounts,
  h: Object.fromEntries(
    Object.entries(held).map(([name, [k, n]]) => [
      `hold-of-${name}`,
      { at: BigInt(NOON) * 2n ** 40n, x: 0n, c: { [name]: { k, n, m: 'u' } } } as unknown as Hold,
    ]),
  ),
});

describe('the stage of a cap', () => {
  it.each<[string, Figures, Stage]>([
    ['nothing spent', { settled: '0' }, 'normal'],
    ['a picodollar below half', { settled: '9.999999999999' }, 'normal'],
    ['half', { settled: '10' }, 'warned'],
    ['four fifths', { settled: '16' }, 'warned'],
    ['a picodollar below the limit', { settled: '19.999999999999' }, 'warned'],
    ['the limit', { settled: '20' }, 'blocked'],
    ['more than the limit', { settled: '25' }, 'blocked'],
    // Holds would make it flap.
    ['nothing settled, everything held', { settled: '0', held: '20' }, 'normal'],
    ['little settled, the rest held', { settled: '9', held: '11' }, 'normal'],
    // Warn is a fraction of limit + grants, without overage; block of the effective limit.
    ['half of limit + grants', { grants: '10', settled: '15' }, 'warned'],
    ['half of the limit alone', { grants: '10', settled: '14.99' }, 'normal'],
    ['half of the limit, overage aside', { overage: '10', settled: '10' }, 'warned'],
    ['less than half of the limit, overage aside', { overage: '10', settled: '9.99' }, 'normal'],
    ['the limit, overage left', { overage: '5', settled: '20' }, 'warned'],
    ['limit and overage', { overage: '5', settled: '25' }, 'blocked'],
    ['the limit, grants left', { grants: '5', settled: '20' }, 'warned'],
    ['limit, overage and grants but a cent', { overage: '5', grants: '5', settled: '29.99' }, 'warned'],
    ['limit, overage and grants', { overage: '5', grants: '5', settled: '30' }, 'blocked'],
    ['a limit of nothing', { limit: '0', settled: '0' }, 'blocked'],
  ])('with %s settled', (_what, figures, stage) => {
    const { cap, account } = month(figures);
    expect(stageOf(cap, account)).toBe(stage);
  });

  const off = { warn: null, throttle: null, block: null };
  it.each<[string, Thresholds, string, Stage]>([
    ['no rung', off, '20', 'normal'],
    ['warn alone', { ...off, warn: [900] }, '17.99', 'normal'],
    ['warn alone', { ...off, warn: [900] }, '18', 'warned'],
    ['warn alone, all spent', { ...off, warn: [900] }, '20', 'warned'],
    ['two warnings, the lower one counts', { ...off, warn: [250, 900] }, '5', 'warned'],
    ['an early block', { ...off, block: 900 }, '17.99', 'normal'],
    ['an early block', { ...off, block: 900 }, '18', 'blocked'],
    ['the finest block', { ...off, block: 1 }, '0.02', 'blocked'],
    ['a block below the warning', { ...off, warn: [800], block: 500 }, '10', 'blocked'],
  ])('with %s (%j) and %s of 20 settled', (_what, thresholds, settled, stage) => {
    const { cap, account } = month({ settled }, thresholds);
    expect(stageOf(cap, account)).toBe(stage);
  });
});

describe('the highest stage of the caller', () => {
  const busy = testCap('busy', 'concurrent', '', 2n);
  const rate = testCap('rate', 'requests', 'minute', 10n);
  const idle: Account = { k: 0n, f: 10n, s: 0n, l: 10n, r: 1n };
  const { cap: warnedCap, account: warned } = month({ settled: '12' });

  it.each<[string, Cap[], Record<string, Account>, Stage]>([
    ['no cap', [], {}, 'normal'],
    ['one warned', [rate, warnedCap], { rate: idle, month: warned }, 'warned'],
    [
      'one warned, one blocked',
      [warnedCap, rate],
      { month: warned, rate: { ...idle, f: 0n, s: 10n } },
      'blocked',
    ],
    ['all slots taken', [busy], { busy: { k: 0n, f: 0n, s: 0n, l: 2n, r: 1n } }, 'normal'],
  ])('%s', (_what, caps, accounts, stage) => {
    expect(highestStage(caps, booksOf(leafOf(accounts)))).toBe(stage);
  });

  test('rises from normal to blocked', () => {
    expect(STAGES).toEqual(['normal', 'warned', 'throttled', 'blocked']);
  });
});

describe('when money comes back', () => {
  const account: Account = { k: 0n, f: 1n, s: 0n, l: 1n, r: 1n };
  it.each<[string, Cap, Account, string | null]>([
    ['a month', testCap('c', 'usd', 'month', 1n), account, '2026-12-01T00:00:00Z'],
    ['a minute', testCap('c', 'requests', 'minute', 1n), account, '2026-11-24T12:01:00Z'],
    ['a lifetime', testCap('c', 'usd', 'lifetime', 1n), account, null],
    ['calls in flight', testCap('c', 'concurrent', '', 1n), account, null],
    [
      'rolling, spent at ten',
      testCap('c', 'usd', 'rolling_24h', 1n),
      { ...account, b: { [String(TEN)]: 1n } },
      '2026-11-25T11:00:00Z',
    ],
    [
      'rolling, nothing spent then',
      testCap('c', 'usd', 'rolling_24h', 1n),
      { ...account, b: { [String(TEN)]: 0n } },
      '2026-11-25T13:00:00Z',
    ],
  ])('%s', (_what, cap, figures, at) => {
    const reset = resetOf(cap, figures, NOON);
    expect(reset === null ? null : toRfc3339(reset)).toBe(at);
  });
});

describe('a row of /v1/budget', () => {
  test('shows what is settled, held and left', () => {
    const { cap, account } = month({ grants: '5', settled: '3.1', held: '0.4' });
    expect(
      capView(cap, booksOf(leafOf({ month: account }, { month: [NOVEMBER, usd('0.4')] })), NOON),
    ).toEqual({
      id: 'month',
      scope: { type: 'user', id: 'alice' },
      metric: 'usd',
      window: 'month',
      limit: '20.00',
      effective_limit: '25.00',
      settled: '3.10',
      reserved: '0.40',
      remaining: '21.50',
      resets_at: '2026-12-01T00:00:00Z',
      stage: 'normal',
      as_of: '2026-11-24T12:00:00Z',
    });
  });

  it.each<[string, Cap, Leaf | undefined, object]>([
    [
      'before the first call',
      month({ settled: '0', overage: '5' }).cap,
      undefined,
      {
        limit: '20.00',
        effective_limit: '25.00',
        settled: '0.00',
        reserved: '0.00',
        remaining: '25.00',
        stage: 'normal',
      },
    ],
    [
      'of a window that is over',
      month({ settled: '0' }).cap,
      leafOf({ month: { ...month({ settled: '20' }).account, k: NOVEMBER - 2_678_400n } }),
      { settled: '0.00', remaining: '20.00', stage: 'normal' },
    ],
    [
      'after an overrun',
      month({ settled: '0' }).cap,
      leafOf({ month: month({ settled: '20.5' }).account }),
      { settled: '20.50', remaining: '0.00', stage: 'blocked' },
    ],
    [
      'of a rate',
      testCap('rate', 'requests', 'minute', 60n),
      undefined,
      { limit: '60', remaining: '60', window: 'minute', resets_at: '2026-11-24T12:01:00Z' },
    ],
    [
      'of calls in flight',
      testCap('two', 'concurrent', '', 2n),
      leafOf({ two: { k: 0n, f: 1n, s: 0n, l: 2n, r: 1n } }, { two: [0n, 1n] }),
      { window: null, resets_at: null, reserved: '1', remaining: '1', stage: 'normal' },
    ],
    [
      'of a lifetime',
      testCap('life', 'tokens', 'lifetime', 1000n),
      undefined,
      { limit: '1000', window: 'lifetime', resets_at: null },
    ],
  ])('%s', (_what, cap, leaf, expected) => {
    const next = prepareLeaf(leaf ?? newLeaf(alice), [cap], NOON) ?? leaf!;
    expect(capView(cap, booksOf(next), NOON)).toMatchObject(expected);
  });
});

/** A leaf of alice with one monthly dollar cap of $20.00, and a pool of $500.00 a month, as the change feed sees them. */
import { picoUsd } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { Account, Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { ladderSchema, type LadderOf } from '../../lambdas/core/policy/ladder.ts';
import { poolKey, type Pool } from '../../lambdas/core/ledger/pool.ts';
import { formatUsd, usd } from '../../lambdas/core/money.ts';
import { alice, testCap } from '../support/worlds.ts';

const LADDER = ladderSchema.parse({});
/** Of a policy that describes none. */
export const defaultLadder: LadderOf = () => LADDER;

/** 2026-11-01T00:00:00Z and 2026-12-01T00:00:00Z, in seconds. */
export const NOVEMBER = 1_793_491_200n;
export const DECEMBER = 1_796_083_200n;

export const monthly = (more: Partial<Cap> = {}): Cap => testCap('month', 'usd', 'month', usd('20'), more);

/** Nothing is held; `settled` in dollars. */
export function leafAt(settled: string, more: Partial<Account> = {}): Leaf {
  const l = more.l ?? usd('20');
  const s = usd(settled);
  return { ...alice, v: 1n, t: 0n, a: { month: { k: NOVEMBER, f: l - s, s, l, r: 1n, ...more } }, h: {} };
}

export const growth = (more: Partial<Cap> = {}): Cap =>
  testCap('growth-month', 'usd', 'month', usd('500'), { scope: { type: 'team', id: 'growth' }, ...more });

/** `leased` is what callers have drawn; both in dollars. */
export function poolAt(settled: string, leased = '0', more: Partial<Account> = {}): Pool {
  const l = more.l ?? usd('500');
  const s = usd(settled);
  return { ...poolKey('growth-month'), v: 1n, k: NOVEMBER, f: l - s - usd(leased), s, l, r: 1n, ...more };
}

export const dollars = (pico: bigint): string => formatUsd(picoUsd(pico));

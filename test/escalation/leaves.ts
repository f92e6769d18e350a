/** A leaf of alice with one monthly dollar cap of $20.00, as the change feed sees it. */
import { picoUsd } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { Account, Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { formatUsd, usd } from '../../lambdas/core/money.ts';
import { alice, testCap } from '../support/worlds.ts';

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

export const dollars = (pico: bigint): string => formatUsd(picoUsd(pico));

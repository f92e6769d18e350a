/**
 * A cap: how much of one metric one scope may use in one window.
 *
 * Its *account* on a leaf is named by the cap's id and its generation. The generation changes with whatever
 * would make old figures mean something else (scope, metric, window, zone, anchor), so a redefined cap starts
 * a fresh account and a raised limit does not.
 */
import type { CapId, EpochMs } from '../brands.ts';
import { windowKeyAt, type Window } from './windows.ts';

export type ScopeType = 'user' | 'team' | 'app' | 'feature' | 'org' | 'user_feature';
export type Metric = 'usd' | 'tokens' | 'requests' | 'concurrent';

/** Fractions of a limit, in thousandths; null switches the rung off. */
export interface Thresholds {
  warn: number[] | null;
  throttle: number | null;
  block: number | null;
}

export interface Cap {
  id: CapId;
  /** Name of its account on every leaf. */
  account: string;
  scope: { type: ScopeType; id: string };
  metric: Metric;
  window: Window;
  /** In the metric's unit: picodollars, tokens, requests, calls in flight. */
  limit: bigint;
  /** Allowed beyond the limit; the effective limit is limit + overage + grants. */
  overage: bigint;
  thresholds: Thresholds;
  ladder: string;
  /** Grows with each change; tells a leaf whether its account's limit is older than the cap. */
  revision: bigint;
  /** Of the rate that a rung adds: the cap whose rung it is. */
  rungOf?: Cap;
}

const SHARED_SCOPES: ReadonlySet<ScopeType> = new Set<ScopeType>(['team', 'app', 'feature', 'org']);

/** Held by a pool that many leaves draw on; the others stand on their user's leaf alone, as every rung's rate does. */
export const isShared = (cap: Pick<Cap, 'scope' | 'rungOf'>): boolean =>
  cap.rungOf === undefined && SHARED_SCOPES.has(cap.scope.type);

/** Windows and metrics that deny for a moment rather than for good: the caller should wait, not ask for money. */
export function throttles(cap: Cap): boolean {
  return (
    cap.metric === 'concurrent' || (cap.window.kind === 'calendar' && cap.window.calendar.unit === 'minute')
  );
}

/** Limit + overage: what an account opens with, before grants. */
export const openingLimit = (cap: Cap): bigint => cap.limit + cap.overage;

export const capKeyAt = (cap: Cap, now: EpochMs): bigint => windowKeyAt(cap.window, now);

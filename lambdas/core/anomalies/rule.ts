/**
 * When a day's spend is unusual: by the days before on which anything was spent, of whoever or whatever it is. Three
 * comparisons of whole numbers, so that a mail can say in one line why (`docs/decisions/0029-unusual-days.md`).
 */
import type { PicoUsd } from '../brands.ts';
import { usd } from '../money.ts';
import type { Policy } from '../policy/policy.ts';

/** Four weeks, so that what comes weekly was seen before. */
export const DAYS_BEFORE = 28;
/** Of fewer nobody knows what is usual. */
export const DAYS_MIN = 7;

export interface AnomalyRule {
  /** So many times a usual day; whole. */
  timesUsual: bigint;
  /** And so much more than it. */
  aboveUsual: PicoUsd;
}

/** Undefined where the policy wants none to be told of. */
export const anomalyRuleOf = ({ anomalies }: Policy): AnomalyRule | undefined =>
  anomalies ? { timesUsual: BigInt(anomalies.timesUsual), aboveUsual: usd(anomalies.aboveUsual) } : undefined;

export interface Usual {
  /** The day in the middle by cost; of an even number the dearer of the two. */
  picoUsd: bigint;
  dearest: bigint;
  /** With spending. */
  days: number;
  /** From here on a day is unusual. */
  bar: bigint;
}

/** Of days before, in any order; those without spending do not count. Undefined where there are too few. */
export function usualOf(before: readonly bigint[], rule: AnomalyRule): Usual | undefined {
  const days = before.filter((cost) => cost > 0n).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  if (days.length < DAYS_MIN) return undefined;
  const usual = days[Math.floor((days.length - 1) / 2)]!;
  // One dear day may have been an anomaly itself; what came about twice is known.
  const [dearest, secondDearest] = days as [bigint, bigint];
  const bar = largestOf(usual * rule.timesUsual, usual + rule.aboveUsual, secondDearest * 2n);
  return { picoUsd: usual, dearest, days: days.length, bar };
}

const largestOf = (...amounts: bigint[]): bigint => amounts.reduce((a, b) => (a > b ? a : b));

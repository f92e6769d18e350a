/**
 * The rungs of a cap's ladder, and what an account's settled money has reached of them. By totals alone: holds
 * would make a stage flap.
 */
import type { Account } from '../ledger/leaf.ts';
import { divCeil } from '../money.ts';
import type { Cap } from './cap.ts';

export type Rung = 'warn' | 'throttle' | 'block';
/** From the mildest on. */
export const RUNG_STAGES = ['warned', 'throttled', 'blocked'] as const;
export type RungStage = (typeof RUNG_STAGES)[number];

export const STAGE_OF_RUNG: Record<Rung, RungStage> = {
  warn: 'warned',
  throttle: 'throttled',
  block: 'blocked',
};

export interface RungOfCap {
  rung: Rung;
  /** In thousandths of `of`. */
  threshold: number;
  of: bigint;
  /** Settled amount from which the rung is reached. */
  from: bigint;
}

const THOUSANDTHS = 1000n;

/** The first amount that is a share of a limit, in thousandths, or more. */
export const shareOf = (limit: bigint, thousandths: number): bigint =>
  divCeil(limit * BigInt(thousandths), THOUSANDTHS);

/** From the mildest on. Warn and throttle are fractions of limit + grants, block of the effective limit. */
export function rungsOf(cap: Cap, { l: effectiveLimit }: Pick<Account, 'l'>): RungOfCap[] {
  const { warn, throttle, block } = cap.thresholds;
  const at = (rung: Rung, threshold: number, limit: bigint): RungOfCap => ({
    rung,
    threshold,
    of: limit,
    from: shareOf(limit, threshold),
  });
  const withoutOverage = effectiveLimit - cap.overage;
  return [
    ...(warn ?? []).map((threshold) => at('warn', threshold, withoutOverage)),
    ...(throttle === null ? [] : [at('throttle', throttle, withoutOverage)]),
    ...(block === null ? [] : [at('block', block, effectiveLimit)]),
  ];
}

/** The highest stage that the totals have reached; undefined below the first rung. */
export function reachedStage(cap: Cap, account: Account): RungStage | undefined {
  const reached = rungsOf(cap, account).filter(({ from }) => account.s >= from);
  return higherOf(...reached.map(({ rung }) => STAGE_OF_RUNG[rung]));
}

/** What the ladder set holds only as far as the totals still reach it. */
export function withStandingStage(cap: Cap, account: Account): Account {
  if (account.g === undefined) return account;
  const reached = reachedStage(cap, account);
  if (reached === undefined) return withoutStage(account);
  return rankOf(reached) < rankOf(account.g) ? { ...account, g: reached } : account;
}

export function withoutStage<T extends Account>(account: T): T {
  const next = { ...account };
  delete next.g;
  return next;
}

export const rankOf = (stage: RungStage | undefined): number =>
  stage === undefined ? -1 : RUNG_STAGES.indexOf(stage);

const higherOf = (...stages: RungStage[]): RungStage | undefined =>
  RUNG_STAGES.findLast((stage) => stages.includes(stage));

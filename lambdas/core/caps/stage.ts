/** The stage of a cap, and how the API shows one: contract 6, `/v1/budget` rows. */
import type { EpochMs } from '../brands.ts';
import type { Cap } from './cap.ts';
import { inMetric } from './amounts.ts';
import { rankOf, reachedStage, RUNG_STAGES } from './rungs.ts';
import { accountOf, heldOf, type Books } from '../ledger/books.ts';
import type { Account } from '../ledger/leaf.ts';
import { toRfc3339 } from '../time.ts';
import { resetsAt, windowName } from './windows.ts';

export const STAGES = ['normal', ...RUNG_STAGES] as const;
export type Stage = (typeof STAGES)[number];

/**
 * The higher of what the account's own figures say and what the ladder has set. `throttled` is the ladder's
 * alone, since it is a measure that somebody takes.
 */
export function stageOf(cap: Cap, account: Account): Stage {
  const computed = reachedStage(withoutThrottle(cap), account);
  return STAGES[1 + Math.max(rankOf(computed), rankOf(account.g))]!;
}

const withoutThrottle = (cap: Cap): Cap => ({ ...cap, thresholds: { ...cap.thresholds, throttle: null } });

/** The highest stage of all caps; concurrent ones settle nothing, so they have none. */
export function highestStage(caps: readonly Cap[], books: Books): Stage {
  let highest = 0;
  for (const cap of caps) {
    if (cap.metric === 'concurrent') continue;
    highest = Math.max(highest, STAGES.indexOf(stageOf(cap, accountOf(books, cap))));
  }
  return STAGES[highest]!;
}

/** When money comes back to the account; null for a lifetime, and for calls in flight, which have no window. */
export function resetOf(cap: Cap, account: Account, now: EpochMs): EpochMs | null {
  if (cap.metric === 'concurrent') return null;
  const spent = Object.entries(account.b ?? {}).flatMap(([bucket, settled]) =>
    settled > 0n ? [BigInt(bucket)] : [],
  );
  return resetsAt(cap.window, now, spent);
}

/** One row of `/v1/budget`. */
export interface CapView {
  id: string;
  scope: Cap['scope'];
  metric: Cap['metric'];
  window: string | null;
  limit: string;
  effective_limit: string;
  settled: string;
  reserved: string;
  remaining: string;
  resets_at: string | null;
  stage: Stage;
  as_of: string;
}

/** The cap as it stands in the books. */
export function capView(cap: Cap, books: Books, now: EpochMs): CapView {
  const account = accountOf(books, cap);
  const reset = resetOf(cap, account, now);
  const shown = (amount: bigint): string => inMetric(cap.metric, amount);
  return {
    id: cap.id,
    scope: cap.scope,
    metric: cap.metric,
    window: cap.metric === 'concurrent' ? null : windowName(cap.window),
    limit: shown(cap.limit),
    effective_limit: shown(account.l),
    settled: shown(account.s),
    reserved: shown(heldOf(books, cap)),
    remaining: shown(account.f > 0n ? account.f : 0n),
    resets_at: reset === null ? null : toRfc3339(reset),
    stage: cap.metric === 'concurrent' ? 'normal' : stageOf(cap, account),
    as_of: toRfc3339(now),
  };
}

/** What events say of an account: amounts in the metric's unit, instants as text. */
import { epochMs, type EpochMs } from '../brands.ts';
import { inMetric } from '../caps/amounts.ts';
import type { Cap } from '../caps/cap.ts';
import { resetOf } from '../caps/stage.ts';
import { windowName } from '../caps/windows.ts';
import type { Account, Principal } from '../ledger/leaf.ts';
import { toRfc3339 } from '../time.ts';

export interface Standing {
  cap: Cap;
  account: Account;
  /** Null for a pool. */
  principal: Principal | null;
  held: bigint;
  at: EpochMs;
}

export function standingFacts({ cap, account, principal, held, at }: Standing) {
  const { metric } = cap;
  if (metric === 'concurrent') throw new Error('calls in flight settle nothing');
  const shown = (amount: bigint): string => inMetric(metric, amount);
  const reset = resetFrom(cap, account);
  return {
    cap: cap.id as string,
    account: cap.account,
    scope: cap.scope,
    principal,
    metric,
    window: windowName(cap.window),
    window_key: account.k.toString(),
    limit: shown(cap.limit),
    effective_limit: shown(account.l),
    settled: shown(account.s),
    reserved: shown(held),
    remaining: shown(account.f > 0n ? account.f : 0n),
    resets_at: reset === null ? null : toRfc3339(reset),
    at: toRfc3339(at),
  };
}

/** From the window itself and not from the clock: the same event may be computed after the window has ended. */
export const resetFrom = (cap: Cap, account: Account): EpochMs | null =>
  resetOf(cap, account, epochMs(Number(account.k) * 1000));

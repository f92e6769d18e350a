/**
 * The machine's task: raise the stage on the account of an event, which stands on a leaf, or is a pool. A later call
 * under the cap shows it; that of a pool within the ten seconds for which a pool is remembered.
 */
import type { EpochMs } from '../brands.ts';
import { inMetric, parseInMetric } from '../caps/amounts.ts';
import { isShared, type Cap } from '../caps/cap.ts';
import { rankOf, reachedStage, STAGE_OF_RUNG } from '../caps/rungs.ts';
import type { Directory } from '../directory/directory.ts';
import { prepareLeaf } from '../ledger/accounts.ts';
import { isOpen, leafKey, type Account, type Leaf } from '../ledger/leaf.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clock } from '../ports.ts';
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';

/** Throws TableUnavailable. A repeat, and an event of a window or limit that is over, change nothing. */
export async function setStage(
  { ledger, directory, clock }: { ledger: Ledger; directory: Directory; clock: Clock },
  event: CapThresholdCrossed,
): Promise<void> {
  const cap = await directory.getCap(event.cap);
  if (cap?.account !== event.account || isShared(cap) !== (event.principal === null)) return;
  if (event.principal === null) {
    if (await ledger.pools.read(cap.account))
      await ledger.pools.change(cap, (pool) => raised(pool, cap, event));
    return;
  }
  const key = leafKey(event.principal);
  if (!(await ledger.leaves.read(key))) return;
  await ledger.leaves.change(key, (leaf) => withStage(leaf, cap, event, clock.now()));
}

/** The leaf with the event's stage; undefined where the event is over, or as high a stage is set already. */
export function withStage(leaf: Leaf, cap: Cap, event: CapThresholdCrossed, now: EpochMs): Leaf | undefined {
  if (!leaf.a[event.account]) return undefined;
  const current = prepareLeaf(leaf, [cap], now) ?? leaf;
  const account = raised(current.a[event.account]!, cap, event);
  return account && { ...current, g: (current.g ?? 0n) + 1n, a: { ...current.a, [event.account]: account } };
}

/** The same of an account, which is prepared. */
function raised<T extends Account>(account: T, cap: Cap, event: CapThresholdCrossed): T | undefined {
  const from = parseInMetric(event.metric, event.threshold_amount);
  const stage = STAGE_OF_RUNG[event.rung];
  const isOver =
    !isOpen(account, BigInt(event.window_key)) ||
    inMetric(cap.metric, account.l) !== event.effective_limit ||
    from === undefined ||
    account.s < from ||
    // Thresholds may have changed since: by the newest, and not by whoever has not heard of them.
    account.r !== cap.revision ||
    rankOf(reachedStage(cap, account)) < rankOf(stage);
  return isOver || rankOf(account.g) >= rankOf(stage) ? undefined : { ...account, g: stage };
}

/** Leases that lie idle: they go home, so that their team can spend them and its figures are true. */
import type { EpochMs } from '../brands.ts';
import { DAY, HOUR } from '../time.ts';
import type { Account, Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import type { Pools } from './pools.ts';

/**
 * A lease that was not drawn on for so long is not in use, or will last its user for long. Nobody waits for it: others
 * pull what they need at any time. Each day would cost a user of five calls a day as much as the calls do.
 */
const LEASE_IDLE = 7 * DAY;
/** Once its pool has less than a quarter left: those who look for the rest then find it in one place. */
const LEASE_IDLE_NEAR_END = HOUR;
const NEAR_END = 4n;

/** Those that have nothing left, or whose window is over, leave the leaf. Throws TableUnavailable. */
export async function tidyLeases(
  { leaves, pools }: { leaves: Leaves; pools: Pools },
  leaf: Leaf,
  now: EpochMs,
): Promise<void> {
  const spent: string[] = [];
  for (const [name, lease] of Object.entries(leaf.a)) {
    if (!isIdle(lease, LEASE_IDLE_NEAR_END, now)) continue;
    const pool = await pools.readLately(name);
    if (!pool || lease.k > pool.k) continue;
    const isNearEnd = pool.f < pool.l / NEAR_END;
    if (lease.k === pool.k && !isNearEnd && !isIdle(lease, LEASE_IDLE, now)) continue;
    const isEmpty = lease.l === 0n && lease.f === 0n && lease.s === 0n;
    if (isEmpty || lease.k < pool.k) spent.push(name);
    else await pools.giveBack(leaf, name);
  }
  if (spent.length === 0) return;
  await leaves.change(leaf, (current) => {
    const kept = Object.entries(current.a).filter(
      ([name, account]) => !spent.includes(name) || !isSameLease(account, leaf.a[name]!),
    );
    const isHeld = Object.values(current.h).some(({ c }) => spent.some((name) => name in c));
    return isHeld || kept.length === Object.keys(current.a).length
      ? undefined
      : { ...current, a: Object.fromEntries(kept) };
  });
}

const isIdle = ({ d }: Account, idleMs: number, now: EpochMs): boolean =>
  d !== undefined && d + BigInt(idleMs) <= BigInt(now);

const isSameLease = (a: Account, b: Account): boolean =>
  a.k === b.k && a.f === b.f && a.s === b.s && a.l === b.l && a.d === b.d;

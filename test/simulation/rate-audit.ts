/**
 * The rates that stages add, by what the table shows: whoever could know that a cap over the call is throttled is held
 * under the rate, on the first leaf of the caller alone, and nobody is refused by a rate without such a cap.
 */
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { parseWindow } from '../../lambdas/core/caps/windows.ts';
import { capId } from '../../lambdas/core/brands.ts';
import type { AccountImage, HoldImage, LeafImage, PoolImage } from './images.ts';
import type { Invocation } from './invocations.ts';
import { SEEN_MS } from './pool-audit.ts';
import { shareOf } from './account-check.ts';
import { grantedIn } from './truth.ts';
import { Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';

const PREFIX = 'throttled:';
export const isRate = (account: string): boolean => account.startsWith(PREFIX);

/** What the account of a rate promises. */
export function rateOf(account: string): Cap {
  return {
    id: capId('rate'),
    account,
    scope: { type: 'user', id: 'rate' },
    metric: 'requests',
    window: parseWindow('minute', { timeZone: 'UTC', anchorDay: 1 })!,
    limit: BigInt(account.slice(PREFIX.length)),
    overage: 0n,
    thresholds: { warn: null, throttle: null, block: null },
    ladder: 'default',
    revision: 1n,
  };
}

export const firstLeafOf = (pk: string): string => pk.replace(/^(L#app:[^~]+)~\d+$/, '$1');

interface PoolStage {
  since: number;
  key: bigint;
  revision: bigint;
  isThrottled: boolean;
  /** What its grants add: an expired one is taken from what a process sees before anybody writes that. */
  granted: bigint;
  limit: bigint;
  folded: bigint;
}

export class RateAudit {
  private readonly time: VirtualTime;
  private readonly rate: string;
  private readonly stages = new Map<string, PoolStage[]>();

  constructor({ time, ratePerMinute }: { time: VirtualTime; ratePerMinute: number }) {
    this.time = time;
    this.rate = `${PREFIX}${ratePerMinute}`;
  }

  poolChanged(account: string, next: PoolImage): void {
    const stage: PoolStage = {
      ...{ since: this.time.now, key: next.k, revision: next.r!, isThrottled: isThrottled(next) },
      ...{ granted: grantedIn(next), limit: next.l, folded: next.s },
    };
    this.stages.set(account, [...(this.stages.get(account) ?? []), stage]);
  }

  /** A call is held. An own account's stage counts from the write on that set it, a pool's once it must be known. */
  held({ caps, startedAt, call }: Invocation, leaf: LeafImage, hold: HoldImage): void {
    const rates = [...hold.c.keys()].filter(isRate);
    const fail = (what: string): never => {
      throw new Violation('rate', `call ${call.number} on ${leaf.pk} ${what}`);
    };
    const throttled = caps.filter(countsForRates).filter((cap) => {
      const own = leaf.a.get(cap.account)!;
      if (own.r !== undefined) return isThrottled(own);
      const seen = this.seenSince(cap.account, startedAt);
      const isOf = (stage: PoolStage): boolean =>
        stage.isThrottled && stage.key === own.k && stage.revision === cap.revision && stands(stage, cap);
      return seen.length > 0 && seen.every(isOf);
    });
    if (throttled.length > 0 && rates.length === 0)
      fail(`is held without the rate of ${throttled[0]!.account}`);
    if (rates.some((rate) => rate !== this.rate)) fail(`is held under the rate ${rates.join()}`);
    if (rates.length > 0 && leaf.pk !== firstLeafOf(leaf.pk)) fail('is counted on a leaf of its own');
  }

  /** A rate refuses: a cap over the call was throttled, in the very image or in a pool that could be seen. */
  refused({ caps, startedAt, call }: Invocation, image: LeafImage): void {
    const isSeen = caps.filter(countsForRates).some((cap) => {
      const own = image.a.get(cap.account);
      if (own?.r !== undefined) return isThrottled(own);
      return this.seenSince(cap.account, startedAt).some(({ isThrottled }) => isThrottled);
    });
    if (!isSeen)
      throw new Violation('rate', `call ${call.number} is refused by a rate, and no cap is throttled`);
  }

  /** How the pool stood at each moment that the process may know of. */
  private seenSince(account: string, startedAt: number): PoolStage[] {
    const stages = this.stages.get(account) ?? [];
    return stages.filter((_, i) => (stages[i + 1]?.since ?? Infinity) >= startedAt - SEEN_MS);
  }
}

/** Whatever becomes of its grants. A correction may have brought what is settled below the rung that was set. */
function stands({ granted, limit, folded }: PoolStage, { thresholds }: Cap): boolean {
  const from = shareOf(limit - granted, thresholds.throttle);
  return granted === 0n || (from !== undefined && folded >= from);
}

const isThrottled = ({ g }: AccountImage): boolean => g === 'throttled' || g === 'blocked';

/** A rate limit is none the tighter for being used up. */
const countsForRates = ({ metric, window }: Cap): boolean =>
  metric !== 'concurrent' && !(window.kind === 'calendar' && window.calendar.unit === 'minute');

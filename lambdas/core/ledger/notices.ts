/**
 * What a leaf remembers of the grants that its principal asked for: the newest of each account, so that every response
 * can tell of it. A request that nobody has answered in time turns into an expired one by itself.
 */
import { durationMs, type EpochMs } from '../brands.ts';
import { DAY } from '../time.ts';
import type { Leaf, Notice } from './leaf.ts';

export const GRANT_STATUSES = ['requested', 'approved', 'denied', 'expired'] as const;
export type GrantStatus = (typeof GRANT_STATUSES)[number];

export interface ShownNotice {
  account: string;
  grant: string;
  status: GrantStatus;
}

/** How long an answer is told that changes nothing any more. */
export const TOLD_FOR = durationMs(7 * DAY);

/** The newest that is still told; undefined where there is none. */
export function newestNotice({ n = {} }: Leaf, now: EpochMs): ShownNotice | undefined {
  const [newest] = Object.entries(n)
    .filter(([, notice]) => isTold(notice, now))
    .sort(([, a], [, b]) => Number(b.w - a.w));
  if (!newest) return undefined;
  const [account, notice] = newest;
  return { account, grant: notice.i, status: statusOf(notice, now) };
}

/** Id of the grant that waits for a decision on this account. */
export function openRequest({ n = {} }: Leaf, account: string, now: EpochMs): string | undefined {
  const notice = n[account];
  return notice && statusOf(notice, now) === 'requested' ? notice.i : undefined;
}

export const withNotice = (leaf: Leaf, account: string, notice: Notice): Leaf => ({
  ...leaf,
  n: { ...leaf.n, [account]: notice },
});

/** Only with a change that is written anyway. */
export function withoutOldNotices(leaf: Leaf, now: EpochMs): Leaf {
  const { n, ...rest } = leaf;
  if (n === undefined) return leaf;
  const told = Object.entries(n).filter(([, notice]) => isTold(notice, now));
  return told.length === 0 ? rest : { ...rest, n: Object.fromEntries(told) };
}

function statusOf({ s, u }: Notice, now: EpochMs): GrantStatus {
  return s === 'requested' && u <= BigInt(now) ? 'expired' : s;
}

/** `u` is when a request expires, and when everything else is told no more. */
function isTold({ s, u }: Notice, now: EpochMs): boolean {
  return BigInt(now) < (s === 'requested' ? u + BigInt(TOLD_FOR) : u);
}

/** Pure changes of a leaf's accounts: opening, rolling, following a cap's limit, freeing old slots. */
import { durationMs, type EpochMs } from '../brands.ts';
import { capKeyAt, isShared, openingLimit, type Cap } from '../caps/cap.ts';
import { sumOf } from '../money.ts';
import { MINUTE } from '../time.ts';
import { shareOf, withoutStage, withStandingStage } from '../caps/rungs.ts';
import { oldestOpenBucket } from '../caps/windows.ts';
import { withoutOldNotices } from './notices.ts';
import { isOpen, METRIC_LETTER, type Account, type Leaf } from './leaf.ts';
import { stampedAt } from './stamp.ts';

/** A call cannot last longer (Lambda's 15 minutes and a margin), so by then its `concurrent` slot is free. */
export const SLOT_TIME = durationMs(16 * MINUTE);

/**
 * The leaf as a reserve needs it: every own cap's account there, in the current window, at the cap's limit, and
 * slots of calls that cannot be running any more given back. Returns undefined when it already is so.
 */
export function prepareLeaf(leaf: Leaf, caps: readonly Cap[], now: EpochMs): Leaf | undefined {
  let next: Leaf | undefined;
  const changed = (): Leaf => (next ??= structuredClone(leaf));
  for (const cap of caps) {
    if (isShared(cap)) continue;
    const account = leaf.a[cap.account];
    const current = prepareAccount(leaf, account, cap, now);
    if (current !== account) changed().a[cap.account] = current;
  }
  const slots = new Set(caps.filter((cap) => cap.metric === 'concurrent').map((cap) => cap.account));
  for (const [id, hold] of Object.entries(leaf.h)) {
    if (stampedAt(hold.at) + SLOT_TIME >= now) continue;
    for (const name of Object.keys(hold.c)) {
      if (!slots.has(name)) continue;
      changed().a[name]!.f += hold.c[name]!.n;
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the slot leaves the hold, not just its value
      delete changed().h[id]!.c[name];
    }
  }
  return next && withoutOldNotices(next, now);
}

/** An account as it stands at `now`: in the current window, at the cap's limit, without what expired grants left. */
export function prepareAccount(
  leaf: Leaf | undefined,
  account: Account | undefined,
  cap: Cap,
  now: EpochMs,
): Account {
  const key = capKeyAt(cap, now);
  if (!account) return openAccount(cap, key);
  const rolled = account.k < key ? rollAccount(leaf, account, cap, key) : account;
  const followed = (rolled.r ?? 0n) < cap.revision ? followLimit(rolled, cap) : rolled;
  return withdrawExpired(followed, cap, now);
}

export function openAccount(cap: Cap, key: bigint): Account {
  const limit = openingLimit(cap);
  const account: Account = { k: key, f: limit, s: 0n, l: limit, r: cap.revision };
  return cap.window.kind === 'rolling' ? { ...account, b: { [String(key)]: 0n } } : account;
}

/** A calendar account starts full and without grants; a rolling one drops the buckets that are wholly outside. */
function rollAccount(leaf: Leaf | undefined, account: Account, cap: Cap, key: bigint): Account {
  const limit = account.l - granted(account);
  if (cap.window.kind !== 'rolling') return { k: key, f: limit, s: 0n, l: limit, r: account.r ?? 0n };
  const oldest = oldestOpenBucket(cap.window, key);
  const kept = Object.entries(account.b ?? {}).filter(([bucket]) => BigInt(bucket) >= oldest);
  const next: Account = { ...account, k: key, b: { ...Object.fromEntries(kept), [String(key)]: 0n } };
  next.s = sumOf(kept.map(([, settled]) => settled));
  next.f = next.l - next.s - (leaf ? heldIn(leaf, cap.account, next) : 0n);
  return withStandingStage(cap, next);
}

function heldIn(leaf: Leaf, name: string, account: Account): bigint {
  let held = 0n;
  for (const hold of Object.values(leaf.h)) {
    const amount = hold.c[name];
    if (amount && isOpen(account, amount.k)) held += amount.n;
  }
  return held;
}

/**
 * A changed limit moves what is free; below zero nothing is admitted until windows roll or the limit rises. The
 * stage that was set belongs to the old limit.
 */
export function followLimit(account: Account, cap: Cap): Account {
  const next = { ...withLimit(account, openingLimit(cap) + granted(account)), r: cap.revision };
  return next.l === account.l ? withStandingStage(cap, next) : withoutStage(next);
}

const withLimit = <T extends Account>(account: T, limit: bigint): T => ({
  ...account,
  l: limit,
  f: account.f + limit - account.l,
});

// ---- grants ------------------------------------------------------------------------------------------------

export interface Grant {
  id: string;
  /** Window (or bucket, where it rolls) that it was asked in; it is too late once that one is over. */
  key: bigint;
  amount: bigint;
  expiresAt: EpochMs;
}

/** What approved overage adds to the limit. */
export const granted = (account: Account): bigint => sumOf(Object.values(account.o ?? {}).map(({ n }) => n));

/** Undefined when there is nothing to do: it is known already, expired, or its window is over. */
export function withGrant<T extends Account>(account: T, grant: Grant, now: EpochMs): T | undefined {
  if (!isOpen(account, grant.key) || grant.expiresAt <= now || account.o?.[grant.id]) return undefined;
  const amount = { n: grant.amount, x: BigInt(grant.expiresAt) };
  const next = withLimit(account, account.l + grant.amount);
  return withoutStage({ ...next, o: { ...account.o, [grant.id]: amount } });
}

/** What is free of an expired grant goes, at once and whenever more comes free; what it has paid stays paid. */
function withdrawExpired(account: Account, cap: Cap, now: EpochMs): Account {
  let next = account;
  for (const [id, grant] of Object.entries(account.o ?? {})) {
    if (grant.x > BigInt(now) || grant.n === 0n || next.f <= 0n) continue;
    const taken = grant.n < next.f ? grant.n : next.f;
    // What has nothing left stays as 0, so that a repeat of the grant finds it.
    next = { ...withLimit(next, next.l - taken), o: { ...next.o, [id]: { ...grant, n: grant.n - taken } } };
  }
  return next === account ? account : withStandingStage(cap, next);
}

// ---- what a reserve asks -----------------------------------------------------------------------------------

export interface AmountByAccount {
  cap: Cap;
  amount: bigint;
}

/** The own accounts that cannot pay their amount now, or are blocked. The leaf is prepared. */
export function shortAccounts(leaf: Leaf, wanted: readonly AmountByAccount[]): AmountByAccount[] {
  return wanted.filter(({ cap, amount }) => {
    if (isShared(cap)) return false;
    const account = leaf.a[cap.account]!;
    return account.f < amount || isBlocked(cap, account);
  });
}

/**
 * Settled amount from which the cap admits nothing, where that is below its effective limit; undefined where
 * the limit itself is the last rung.
 */
export function blockedFrom(cap: Cap, account: Account): bigint | undefined {
  const { block } = cap.thresholds;
  if (block === null || block >= THOUSAND || cap.metric === 'concurrent') return undefined;
  return shareOf(account.l, block);
}
export function isBlocked(cap: Cap, account: Account): boolean {
  const from = blockedFrom(cap, account);
  return from !== undefined && account.s >= from;
}
const THOUSAND = 1000;

export const amountFor = (cap: Cap, amounts: Record<'u' | 't' | 'r' | 'c', bigint>): bigint =>
  amounts[METRIC_LETTER[cap.metric]];

/**
 * The only file that writes budgets: every expression the ledger sends, each condition named by the invariant
 * that it protects. The check is the write; nothing is read and then decided.
 */
import type { EpochMs, HoldId } from '../brands.ts';
import type { Condition, Item, ItemKey, PutWrite, UpdateWrite } from '../ports.ts';
import { isOpen, type Account, type Amounts, type Hold, type Leaf } from './leaf.ts';
import { SMALLEST_DRAW } from './pool.ts';

/** A call is held at most once: a repeat of the same id finds its own hold. */
const NO_HOLD_YET = 'attribute_not_exists(h.#id)';
/** A reserve that arrives after its call was settled or given up is older than the fence, and fails. */
const NEWER_THAN_FENCE = 't < :at';
/** A leaf stays small enough to be one cheap write. */
const ROOM_FOR_A_HOLD = 'size(h) < :holdsMax';
/** The amount is deducted from the window that it was computed for. */
const sameWindow = (n: number): string => `a.#${n}.k = :k${n}`;
/** The cap itself: settled + reserved never exceeds the effective limit. */
const enoughFree = (n: number): string => `a.#${n}.f >= :n${n}`;
/** The ladder's last rung: from this settled amount on, the cap admits nothing. */
const notBlocked = (n: number): string => `a.#${n}.s < :b${n}`;
/** A rate that the ladder has set is held too: nobody calls by an image from before it was set. */
const STAGES_AS_SEEN = { none: 'attribute_not_exists(g)', some: 'g = :g' };
/** Only the generation of the hold that the charge names is settled. */
const HOLD_IS_THE_CHARGED_ONE = 'h.#id.#at = :at';
/** A bucket that has left its rolling window takes no more money. */
const bucketKept = (n: number): string => `attribute_exists(a.#${n}.b.#b${n})`;
/** A slot that time has freed is not freed again. */
const slotStillHeld = (n: number): string => `attribute_exists(h.#id.c.#${n})`;
/** The fence only rises. */
const FENCE_RISES = 't < :fence';
/** A computed state replaces exactly the state that it was computed from. */
const AT_VERSION = 'v = :v';
/** A pool moves rights only within the window that they were computed for. */
const POOL_AT_KEY = 'k = :k';
/** A pool gives no more than it has. */
const ENOUGH_IN_POOL = 'f >= :d';
/** A lease gives back within the window that it was drawn for. */
const LEASE_AT_KEY = 'a.#a.k = :k';
/** A lease gives no more than is free of it. */
const ENOUGH_ON_LEASE = 'a.#a.f >= :g';
/** The pool pays what a lease owes and no more, or it would give what it may not have. */
const OWES_JUST_THAT = 'a.#a.f = :g';
/** What was settled on a lease goes home once. */
const STILL_SETTLED = 'a.#a.s >= :s';
/** What is written once is never changed. */
const ABSENT = 'attribute_not_exists(pk)';

export interface ReserveBounds {
  holdsMax: bigint;
  /** Settled amount from which an account is blocked, by its name, where that is below its limit. */
  blockedFrom: Record<string, bigint>;
  /** How many stages the ladder had set on the leaf that the call was computed for. */
  stagesSet: bigint | undefined;
}

/** Deducts the hold's amounts from each account and adds the hold. */
export function reserveWrite(
  key: ItemKey,
  id: HoldId,
  hold: Hold,
  { holdsMax, blockedFrom, stagesSet }: ReserveBounds,
): UpdateWrite {
  const conditions = [ROOM_FOR_A_HOLD, NO_HOLD_YET, NEWER_THAN_FENCE];
  const sets = ['v = v + :one'];
  const names: Record<string, string> = { '#id': id };
  const values: NonNullable<Condition['values']> = { ':one': 1n, ':holdsMax': holdsMax, ':at': hold.at };
  conditions.push(stagesSet === undefined ? STAGES_AS_SEEN.none : STAGES_AS_SEEN.some);
  if (stagesSet !== undefined) values[':g'] = stagesSet;
  Object.entries(hold.c).forEach(([account, { k, n }], i) => {
    names[`#${i}`] = account;
    values[`:k${i}`] = k;
    values[`:n${i}`] = n;
    conditions.push(sameWindow(i), enoughFree(i));
    const blocked = blockedFrom[account];
    if (blocked !== undefined) {
      values[`:b${i}`] = blocked;
      conditions.push(notBlocked(i));
    }
    sets.push(`a.#${i}.f = a.#${i}.f - :n${i}`);
  });
  values[':hold'] = hold as unknown as Item;
  sets.push('h.#id = :hold');
  return { key, condition: conditions.join(' AND '), update: `SET ${sets.join(', ')}`, names, values };
}

/**
 * Turns the hold into what was used: refunds the rest to every account whose window is still open and removes
 * the hold. A void is a settle with nothing used. `image` tells which windows are open; if it is stale the
 * condition fails and the caller tries again with the item it gets back.
 */
export function settleWrite(
  key: ItemKey,
  id: HoldId,
  image: Leaf,
  hold: Hold,
  used: Amounts,
  fence: bigint,
): UpdateWrite {
  const conditions = [HOLD_IS_THE_CHARGED_ONE];
  const sets = ['v = v + :one'];
  const names: Record<string, string> = { '#id': id, '#at': 'at' };
  const values: NonNullable<Condition['values']> = { ':one': 1n, ':at': hold.at };
  Object.entries(hold.c).forEach(([name, { k, n, m }], i) => {
    const account: Account | undefined = image.a[name];
    if (!account || !isOpen(account, k)) return;
    names[`#${i}`] = name;
    values[`:r${i}`] = m === 'c' ? n : n - used[m];
    sets.push(`a.#${i}.f = a.#${i}.f + :r${i}`);
    if (m === 'c') {
      conditions.push(slotStillHeld(i));
      return;
    }
    if (account.b) {
      names[`#b${i}`] = String(k);
      conditions.push(bucketKept(i));
    } else {
      values[`:k${i}`] = k;
      conditions.push(sameWindow(i));
    }
    if (used[m] === 0n) return;
    values[`:u${i}`] = used[m];
    sets.push(`a.#${i}.s = a.#${i}.s + :u${i}`);
    if (account.b) sets.push(`a.#${i}.b.#b${i} = a.#${i}.b.#b${i} + :u${i}`);
  });
  if (image.t < fence) {
    conditions.push(FENCE_RISES);
    sets.push('t = :fence');
    values[':fence'] = fence;
  }
  const update = `SET ${sets.join(', ')} REMOVE h.#id`;
  return { key, condition: conditions.join(' AND '), update, names, values };
}

/** Makes every older attempt of a reserve fail from now on. */
export function raiseFenceWrite(key: ItemKey, at: bigint): UpdateWrite {
  return {
    key,
    condition: NEWER_THAN_FENCE,
    update: 'SET t = :at, v = v + :one',
    values: { ':at': at, ':one': 1n },
  };
}

/** Replaces an item by a state computed from version `old.v`; without an old one, only where there is none. */
export function putAtVersion(next: Item & ItemKey, old: { v: bigint } | undefined): PutWrite {
  const item = { ...next, v: (old?.v ?? 0n) + 1n };
  return old ? { item, condition: AT_VERSION, values: { ':v': old.v } } : { item, condition: ABSENT };
}

/**
 * The pool's side of a move: `drawn` is what leaves take of it, less what they give back; `settled` comes home. Only
 * what a leaf gets must be there: what comes home is taken, also where a provider's overrun has to be paid for.
 */
export function movePoolWrite(
  key: ItemKey,
  {
    windowKey,
    drawn,
    settled,
    isDraw,
  }: { windowKey: bigint; drawn: bigint; settled: bigint; isDraw: boolean },
): UpdateWrite {
  return {
    key,
    condition: isDraw ? `${POOL_AT_KEY} AND ${ENOUGH_IN_POOL}` : POOL_AT_KEY,
    update: 'SET f = f - :d, s = s + :s, v = v + :one',
    values: { ':k': windowKey, ':d': drawn, ':s': settled, ':one': 1n },
  };
}

/**
 * A lease's side of giving back, or of being paid what it owes (`given` < 0): it commutes with calls of its leaf. A
 * fold (0), which leaves what is free, says nothing about how much is needed, nor that the lease is in use.
 */
export function giveBackWrite(
  key: ItemKey,
  account: string,
  { windowKey, given, settled, now }: { windowKey: bigint; given: bigint; settled: bigint; now: EpochMs },
): UpdateWrite {
  const isFold = given === 0n;
  return {
    key,
    condition: [LEASE_AT_KEY, given < 0n ? OWES_JUST_THAT : ENOUGH_ON_LEASE, STILL_SETTLED].join(' AND '),
    update: `SET a.#a.f = a.#a.f - :g, a.#a.s = a.#a.s - :s, a.#a.l = a.#a.l - :all, ${isFold ? '' : 'a.#a.q = :q, a.#a.d = :now, '}v = v + :one`,
    names: { '#a': account },
    values: {
      ...{ ':k': windowKey, ':g': given, ':s': settled, ':all': given + settled, ':one': 1n },
      ...(!isFold && { ':q': SMALLEST_DRAW, ':now': BigInt(now) }),
    },
  };
}

/** A correction of what was settled in the pool's window, where `amount` is what was charged too little. */
export function adjustPoolWrite(key: ItemKey, windowKey: bigint, amount: bigint): UpdateWrite {
  return {
    key,
    condition: POOL_AT_KEY,
    update: 'SET f = f - :d, s = s + :d, v = v + :one',
    values: { ':k': windowKey, ':d': amount, ':one': 1n },
  };
}

/** Charges: written once, never changed. */
export const putIfAbsent = (item: Item & ItemKey): PutWrite => ({ item, condition: ABSENT });

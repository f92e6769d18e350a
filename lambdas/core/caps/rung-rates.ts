/**
 * The rate of the rung throttle. While a cap of the caller is at the stage `throttled`, its calls are held under one cap
 * more: requests a minute, counted for the caller alone, also where the cap is shared. Caps whose rungs have one rate
 * count on one account, so that a caller with several of them has that rate and not its multiple.
 */
import type { Books } from '../ledger/books.ts';
import { isShared, throttles, type Cap } from './cap.ts';
import { rankOf } from './rungs.ts';
import type { Window } from './windows.ts';

/** No cap has such an account: ids have no colon. */
const PREFIX = 'throttled:';
export const isRungRate = (account: string): boolean => account.startsWith(PREFIX);

const MINUTE: Window = {
  kind: 'calendar',
  calendar: { unit: 'minute', timeZone: 'UTC', anchorDay: 1 },
};
const NONE: readonly Cap[] = [];

/** The caps whose rung throttle is in force. */
export function throttledCaps(caps: readonly Cap[], books: Books): readonly Cap[] {
  return caps.some((cap) => isThrottled(cap, books)) ? caps.filter((cap) => isThrottled(cap, books)) : NONE;
}

/** One for each rate; of several caps with one rate, the first is named by what it refuses. */
export function rungRates(
  caps: readonly Cap[],
  books: Books,
  perMinuteOf: (ladder: string) => number | null,
): readonly Cap[] {
  const throttled = throttledCaps(caps, books);
  if (throttled.length === 0) return NONE;
  const rates = new Map<number, Cap>();
  for (const cap of throttled) {
    const perMinute = perMinuteOf(cap.ladder);
    if (perMinute === null) continue;
    if (!rates.has(perMinute)) rates.set(perMinute, rateOf(cap, perMinute));
  }
  return [...rates.values()];
}

/** By what the ladder has set. A rate limit is none the tighter for being used up. */
function isThrottled(cap: Cap, { leaf, pools }: Books): boolean {
  const account = isShared(cap) ? pools.get(cap.account) : leaf.a[cap.account];
  return account?.g !== undefined && rankOf(account.g) >= rankOf('throttled') && !throttles(cap);
}

/** The rate stands in the account's name, so its limit never changes. */
const rateOf = (cap: Cap, perMinute: number): Cap => ({
  id: cap.id,
  account: `${PREFIX}${perMinute}`,
  scope: cap.scope,
  metric: 'requests',
  window: MINUTE,
  limit: BigInt(perMinute),
  overage: 0n,
  thresholds: { warn: null, throttle: null, block: null },
  ladder: cap.ladder,
  revision: 1n,
  rungOf: cap,
});

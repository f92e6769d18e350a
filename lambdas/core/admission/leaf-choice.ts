/**
 * On which leaf a call is held. A user has one. An app's own calls, those without a user, may need more than the 64
 * calls in flight that one leaf takes: its policy says how many, and they spread over as many leaves. That is strict
 * because every cap over them is shared: a pool, and a lease on each leaf.
 */
import { HOLDS_MAX } from '../ledger/reserve-call.ts';
import { leafKey, type Principal } from '../ledger/leaf.ts';
import type { Policy } from '../policy/policy.ts';
import type { Ids, ItemKey } from '../ports.ts';
import type { Caller } from '../steps/identify.ts';

const PLACE_BITS = 16;

/** Every leaf that calls of the principal may be held on. */
export function leavesOfPrincipal(policy: Policy, principal: Principal): [ItemKey, ...ItemKey[]] {
  const app = principal.type === 'app' ? policy.apps.find(({ id }) => id === principal.id) : undefined;
  const count = Math.ceil((app?.callsInFlightMax ?? HOLDS_MAX) / HOLDS_MAX);
  const others = Array.from({ length: count - 1 }, (_, i) => leafKey(principal, i + 1));
  return [leafKey(principal), ...others];
}

/**
 * The leaves to try, in order: the next where one is full. One with an idempotency key stays on the first, where its
 * repeats find it however many leaves there are by then.
 */
export function leavesToTry(
  policy: Policy,
  { principal, idempotencyKey }: Pick<Caller, 'principal' | 'idempotencyKey'>,
  ids: Ids,
): [ItemKey, ...ItemKey[]] {
  const all = leavesOfPrincipal(policy, principal);
  if (idempotencyKey !== undefined) return [all[0]];
  const first = Number(ids.randomBits(PLACE_BITS)) % all.length;
  return [...all.slice(first), ...all.slice(0, first)] as [ItemKey, ...ItemKey[]];
}

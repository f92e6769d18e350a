/** Why a cap refuses a call, and what to say to the person: built from the very image that refused it. */
import { inMetric, withUnit } from '../caps/amounts.ts';
import type { EpochMs } from '../brands.ts';
import { isShared, throttles, type Cap, type Metric } from '../caps/cap.ts';
import { affordableOutput, leftOf, type OutputPlan } from './fit.ts';
import { heldWait, SHARED_WAIT, typicalWait, type HeldWait, type Queue } from './held-wait.ts';
import { amountFor, isBlocked } from '../ledger/accounts.ts';
import type { Fit } from '../ledger/reserve-call.ts';
import { accountOf, heldOf, type Books } from '../ledger/books.ts';
import { principalOf, type Leaf } from '../ledger/leaf.ts';
import { newestNotice } from '../ledger/notices.ts';
import { poolKey } from '../ledger/pool.ts';
import type { ReachedCap } from './reached-caps.ts';
import type { LimitDetail, LimitReason, Refusal } from '../refusals.ts';
import { SECOND, toRfc3339 } from '../time.ts';
import { resetOf } from '../caps/stage.ts';
import { windowName, windowWords } from '../caps/windows.ts';

export interface DenialContext extends Queue {
  plan: OutputPlan;
  /** Models that could stand in, dearest first. */
  cheaper?: readonly { model: string; plan: OutputPlan }[];
  /** Every cap of the caller: what fits must fit them all. */
  caps: readonly Cap[];
  /** Where to ask for more; empty where nobody has said. */
  requestUrl: string;
}

/** Cap reached wins over a throttle; among several, the one that resets last. */
export function explainShort(caps: readonly Cap[], books: Books, fit: Fit, context: DenialContext): Refusal {
  const reasons = caps.map((cap) => ({ cap, reason: reasonOf(cap, books, fit) }));
  const final = reasons.filter(({ reason }) => isFinal(reason));
  const deciding = (final.length > 0 ? final : reasons).reduce((last, next) =>
    resetTime(next.cap, books, context.now) > resetTime(last.cap, books, context.now) ? next : last,
  );
  return isFinal(deciding.reason)
    ? capReached(deciding.cap, deciding.reason, books, fit, context)
    : throttled(deciding.cap, deciding.reason, books, fit, context);
}

function reasonOf(cap: Cap, books: Books, fit: Fit): LimitReason {
  const account = accountOf(books, cap);
  const requested = amountFor(cap, fit.smallest);
  if (requested > account.l) return 'too_large';
  if (throttles(cap)) return 'throttled';
  if (account.s + requested > account.l) return 'cap_reached';
  return isBlocked(cap, account) ? 'blocked' : 'held';
}

/** What became of what was asked for on this cap, or where to ask. */
function whereToAsk({ grant }: LimitDetail, { requestUrl }: DenialContext): string {
  const more = requestUrl === '' ? '' : `; ask for more at ${requestUrl}`;
  if (grant === undefined) return more;
  switch (grant.status) {
    case 'requested':
      return `; your request for more (${grant.id}) waits for a decision`;
    case 'denied':
      return `; your request for more (${grant.id}) was denied`;
    case 'expired':
      return `; your request for more (${grant.id}) found no answer in time${more}`;
    case 'approved':
      return `; what was approved (${grant.id}) is in it${more}`;
  }
}

/** No wait of seconds helps. */
type FinalReason = Exclude<LimitReason, 'throttled' | 'held'>;
const isFinal = (reason: LimitReason): reason is FinalReason => reason !== 'throttled' && reason !== 'held';

/** Never: a lifetime resets last of all. */
const NEVER = Number.MAX_SAFE_INTEGER;
const resetTime = (cap: Cap, books: Books, now: EpochMs): number =>
  resetOf(cap, accountOf(books, cap), now) ?? NEVER;

function capReached(cap: Cap, reason: FinalReason, books: Books, fit: Fit, context: DenialContext): Refusal {
  const limit = limitDetail(cap, reason, books, fit, context);
  const reset = resetOf(cap, accountOf(books, cap), context.now);
  const amount = (text: string | null): string => withUnit(cap.metric, text!);
  const state =
    reason === 'too_large'
      ? `this call needs up to ${amount(limit.requested)}, more than the whole cap`
      : `${usedAndHeld(cap.metric, limit)}, and this call needs up to ${amount(limit.requested)}`;
  const fits = limit.fits
    ? `; ${limit.fits.max_output_tokens} output tokens${limit.fits.model === undefined ? '' : ` of ${limit.fits.model}`} would fit`
    : '';
  const when = limit.resets_at === null ? '; it does not reset' : `; it resets ${limit.resets_at}`;
  return {
    code: 'cap_reached',
    message: `${capName(cap, limit.effective_limit!)} is ${CAP_STATE[reason]}: ${state}${fits}${when}${whereToAsk(limit, context)}.`,
    limit,
    reached: reason === 'too_large' ? undefined : reachedCap(cap, reason, books, fit, context),
    notice: newestNotice(books.leaf, context.now),
    resetsAt: reset,
    retryAfterMs: reset === null ? null : Math.max(0, reset - context.now),
  };
}

function reachedCap(
  cap: Cap,
  reason: ReachedCap['reason'],
  books: Books,
  fit: Fit,
  { now }: DenialContext,
): ReachedCap {
  const { leaf } = books;
  const [pk, principal] = isShared(cap) ? [poolKey(cap.account).pk, null] : [leaf.pk, principalOf(leaf.pk)];
  const account = accountOf(books, cap);
  const requested = amountFor(cap, fit.smallest);
  return { pk, reason, requested, cap, account, principal, held: heldOf(books, cap), at: now };
}

const CAP_STATE: Record<FinalReason, string> = {
  cap_reached: 'reached',
  too_large: 'too small',
  blocked: 'blocked before its end, as its thresholds say',
};

function throttled(
  cap: Cap,
  reason: 'throttled' | 'held',
  books: Books,
  fit: Fit,
  context: DenialContext,
): Refusal {
  const limit = limitDetail(cap, reason, books, fit, context);
  const held = heldWait(cap, books, amountFor(cap, fit.smallest), context);
  const isWindow = cap.window.kind === 'calendar' && reason === 'throttled' && cap.metric !== 'concurrent';
  const waitMs = isWindow ? resetTime(cap, books, context.now) - context.now : held.waitMs;
  const why =
    reason === 'held'
      ? `calls in flight hold ${withUnit(cap.metric, limit.reserved!)} of it; ${heldUntil(held)}`
      : cap.metric === 'concurrent'
        ? `${limit.reserved} calls are in flight`
        : `${usedAndHeld(cap.metric, limit)} in this minute`;
  const again = `try again in ${Math.ceil(waitMs / SECOND)} s`;
  return {
    code: 'throttled',
    message: cap.rungOf
      ? `${rateWords(cap.rungOf, limit, books)}; ${again}; ${untilWords(cap.rungOf, books, context)}${whereToAsk(limit, context)}.`
      : `${capName(cap, limit.effective_limit!)} is busy: ${why}; ${again}.`,
    limit,
    retryAfterMs: waitMs,
    notice: newestNotice(books.leaf, context.now),
    isFreedByOwnCalls: reason === 'held' && held.isFreedByOwnCalls,
  };
}

/** Of the cap whose rung it is, and of the rate. */
function rateWords(cap: Cap, rate: LimitDetail, books: Books): string {
  const { l, s } = accountOf(books, cap);
  const settled = withUnit(cap.metric, inMetric(cap.metric, s));
  const used = usedAndHeld('requests', rate);
  return `${capName(cap, inMetric(cap.metric, l))} is at stage throttled, with ${settled} settled, and admits ${rate.effective_limit} requests a minute of each caller: ${used} in this minute`;
}

function untilWords(cap: Cap, books: Books, { now }: DenialContext): string {
  const reset = resetOf(cap, accountOf(books, cap), now);
  return `the rate lasts until the cap ${reset === null ? '' : `resets ${toRfc3339(reset)} or `}is raised`;
}

const heldUntil = ({ openUntil }: HeldWait): string =>
  openUntil === undefined
    ? 'this call fits as soon as they settle'
    : `what some of them cost is not known, since nobody saw their end, and counts as spent from ${toRfc3339(openUntil)} on`;

/** What is left of a shared cap is on more leases than one call may look at: a little later it may be found. */
export function undecided(cap: Cap, books: Books, fit: Fit, context: DenialContext): Refusal {
  const limit = limitDetail(cap, 'held', books, fit, context);
  return {
    code: 'throttled',
    message: `${capName(cap, limit.effective_limit!)} is busy: what is left of it lies with other callers and is being gathered; try again in ${SHARED_WAIT / SECOND} s.`,
    limit,
    retryAfterMs: SHARED_WAIT,
    notice: newestNotice(books.leaf, context.now),
    isFreedByOwnCalls: false,
  };
}

/** As many calls in flight as one leaf takes; no cap is behind it. */
export function crowded(leaf: Leaf, context: DenialContext): Refusal {
  const waitMs = typicalWait(leaf, context);
  return {
    code: 'throttled',
    message: `Too many of your calls are in flight (${Object.keys(leaf.h).length}); try again in ${Math.ceil(waitMs / SECOND)} s.`,
    limit: {
      reason: 'throttled',
      cap: null,
      scope: null,
      metric: null,
      window: null,
      limit: null,
      effective_limit: null,
      settled: null,
      reserved: null,
      requested: null,
      fits: null,
      resets_at: null,
      request_url: context.requestUrl,
    },
    retryAfterMs: waitMs,
    notice: newestNotice(leaf, context.now),
    isFreedByOwnCalls: false,
  };
}

export function limitDetail(
  cap: Cap,
  reason: LimitReason,
  books: Books,
  fit: Fit,
  context: DenialContext,
): LimitDetail {
  const account = accountOf(books, cap);
  const reset = resetOf(cap, account, context.now);
  const notice = newestNotice(books.leaf, context.now);
  return {
    reason,
    cap: cap.id,
    scope: cap.scope,
    metric: cap.metric,
    window: cap.metric === 'concurrent' ? null : windowName(cap.window),
    limit: inMetric(cap.metric, cap.limit),
    effective_limit: inMetric(cap.metric, account.l),
    settled: inMetric(cap.metric, account.s),
    reserved: inMetric(cap.metric, heldOf(books, cap)),
    requested: inMetric(cap.metric, amountFor(cap, fit.smallest)),
    // Of a cap that is blocked no call is small enough.
    fits: reason === 'blocked' ? null : whatFits(books, context),
    resets_at: reset === null ? null : toRfc3339(reset),
    request_url: context.requestUrl,
    ...(notice?.account === (cap.rungOf ?? cap).account && {
      grant: { id: notice.grant, status: notice.status },
    }),
  };
}

function whatFits(books: Books, { plan, cheaper = [], caps }: DenialContext): LimitDetail['fits'] {
  // Where a request is what is missing, no call is small enough.
  if (caps.some((cap) => cap.metric === 'requests' && leftOf(accountOf(books, cap)) < 1n)) return null;
  const most = outputThatFits(plan, caps, books);
  if (most !== undefined) return { max_output_tokens: most };
  for (const { model, plan: other } of cheaper) {
    const output = outputThatFits(other, caps, books);
    if (output !== undefined) return { max_output_tokens: output, model };
  }
  return null;
}

function outputThatFits(plan: OutputPlan, caps: readonly Cap[], books: Books): number | undefined {
  if (plan.outputTokens === null) return undefined;
  const output = affordableOutput(plan, caps, books);
  return output === undefined || output < 1n ? undefined : Number(output);
}

/** "$19.42 spent and $0.40 held", "58 requests used and 2 held". */
function usedAndHeld(metric: Metric, { settled, reserved }: LimitDetail): string {
  if (metric === 'usd') return `$${settled!} spent and $${reserved!} held`;
  return `${withUnit(metric, settled!)} used and ${reserved!} held`;
}

function capName(cap: Cap, effectiveLimit: string): string {
  const window = cap.metric === 'concurrent' ? '' : windowWords(windowName(cap.window));
  const named = `cap of ${withUnit(cap.metric, effectiveLimit)}${window}`;
  switch (cap.scope.type) {
    case 'user':
    case 'user_feature':
      return `Your ${named} (${cap.id})`;
    case 'org':
      return `The organisation's ${named} (${cap.id})`;
    case 'team':
    case 'app':
    case 'feature':
      return `The ${named} of the ${cap.scope.type} ${cap.scope.id} (${cap.id})`;
  }
}

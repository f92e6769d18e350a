/**
 * Refusals are judged: a denial by a state that was there during the attempt and in which the cap could not pay, a
 * throttle by what really stood in the way.
 */
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { shareOf } from './account-check.ts';
import { keyAt } from './account-truth.ts';
import type { Invocation } from './invocations.ts';
import type { LeafImage } from './images.ts';
import type { LeafHistory } from './leaf-history.ts';
import type { PoolAudit, SharedState } from './pool-audit.ts';
import { isRate, type RateAudit } from './rate-audit.ts';
import type { Truth } from './truth.ts';
import { Violation } from './violation.ts';

/** Calls in flight that one leaf takes. */
export const HOLDS_MAX = 64;
/** Turns of a reserve are few: so many writes of others at least lie between its first and its last. */
const LOST_RACES_MIN = 6;
/** So many leaves one call looks at before it is told to come back. */
const SIBLINGS_MAX = 8;
/** A picture that moved so often was not to be had: the cap's books, or whatever else stands on the leaves with leases. */
const MOVES_MIN = 4;
const LEAF_WRITES_MIN = 10;

export class RefusalJudge {
  private readonly known: Truth;
  private readonly leaves: LeafHistory;
  private readonly pools: PoolAudit;
  private readonly rates: RateAudit;

  constructor(options: { known: Truth; leaves: LeafHistory; pools: PoolAudit; rates: RateAudit }) {
    this.known = options.known;
    this.leaves = options.leaves;
    this.pools = options.pools;
    this.rates = options.rates;
  }

  denied(invocation: Invocation, outcome: ReserveOutcome & { kind: 'short' }): void {
    const { call, startedAt } = invocation;
    const fail = (what: string): never => {
      throw new Violation('denial justified', `call ${call.number}: ${what}`);
    };
    const { pk, v } = outcome.books.leaf;
    const image = invocation.leaves.includes(pk) ? this.leaves.during(pk, v, startedAt) : undefined;
    if (!image) return fail('the state that it names was not there during the attempt');
    if (outcome.caps.length === 0) return fail('no cap is named');
    const { amounts } = outcome.fit;
    const { wanted, floor } = call;
    if (amounts.u > wanted.usd || (floor === undefined && amounts.u < wanted.usd))
      fail('it asked for another amount');
    for (const cap of outcome.caps) {
      const amount = { usd: amounts.u, tokens: amounts.t, requests: 1n, concurrent: 1n }[cap.metric];
      if (this.known.isShared(cap.account)) {
        const states = this.statesDuring(invocation, cap);
        if (!states.some((state) => couldNotPay(state, cap, amount)))
          fail(`${cap.account} could pay ${amount} all the time (${describeStates(states)})`);
      } else this.judgeOwn(invocation, cap, image, amount, fail);
      if (isRate(cap.account)) this.rates.refused(invocation, image);
    }
  }

  private judgeOwn(
    invocation: Invocation,
    cap: Cap,
    image: LeafImage,
    amount: bigint,
    fail: (what: string) => never,
  ): void {
    const account = image.a.get(cap.account);
    if (!account || account.r! < cap.revision) return fail(`${cap.account} stands at an older revision`);
    const hasRolled =
      cap.metric === 'concurrent' || account.k >= keyAt(cap.window, this.clockAtStart(invocation));
    if (!hasRolled) fail(`${cap.account} has not rolled`);
    const from = cap.metric === 'concurrent' ? undefined : blockedFrom(cap, account.l);
    const isBlocked = from !== undefined && account.s >= from;
    if (account.f >= amount && !isBlocked) fail(`${cap.account} had ${account.f} of ${amount}`);
  }

  /** As many calls in flight as a leaf takes, or a leaf that moved on as often as the attempt tried. */
  crowded(invocation: Invocation, { pk, v }: Leaf): void {
    const { call, startedAt } = invocation;
    const image = this.leaves.during(pk, v, startedAt);
    if (image && image.h.size >= HOLDS_MAX) return;
    const moves = this.leaves.writesSince(pk, startedAt);
    if (moves >= LOST_RACES_MIN || invocation.metFaults()) return;
    throw new Violation('throttle justified', `call ${call.number} is crowded out by ${moves} writes`);
  }

  /** Neither paid nor proven: only where more leaves have leases than one call looks at, or their books moved. */
  undecided(invocation: Invocation, cap: Cap, smallest: bigint): void {
    const states = this.statesDuring(invocation, cap);
    const isHopeless = states.every(({ limit, folded }) => limit - folded < smallest);
    const siblings = this.pools.siblingsOf(cap.account, invocation.call.caller.leaf.pk);
    let writes = 0;
    for (const pk of siblings) writes += this.leaves.writesSince(pk, invocation.startedAt);
    const hasMoved = states.length > MOVES_MIN || writes >= LEAF_WRITES_MIN;
    if (!isHopeless && (siblings.length > SIBLINGS_MAX || hasMoved)) return;
    throw new Violation(
      'throttle justified',
      `call ${invocation.call.number} is left undecided by ${cap.account} (${describeStates(states)})`,
    );
  }

  /** How the shared cap stood at each moment of the attempt, in windows that were not over for its process. */
  private statesDuring(invocation: Invocation, cap: Cap): SharedState[] {
    const oldestKey = keyAt(cap.window, this.clockAtStart(invocation));
    const states = this.pools.statesOf(cap.account);
    return states.filter(
      ({ key }, i) => key >= oldestKey && (states[i + 1]?.since ?? Infinity) >= invocation.startedAt,
    );
  }

  private clockAtStart({ startedAt, process }: Invocation): number {
    return startedAt + process.clock.now() - Math.floor(this.known.time.now);
  }
}

const blockedFrom = ({ thresholds: { block } }: Cap, limit: bigint): bigint | undefined =>
  block === null || block >= 1000 ? undefined : shareOf(limit, block);

function couldNotPay({ limit, settled, used }: SharedState, cap: Cap, amount: bigint): boolean {
  const from = blockedFrom(cap, limit);
  return limit - used < amount || (from !== undefined && settled >= from);
}

const describeStates = (states: readonly SharedState[]): string =>
  states.map(({ limit, settled, used }) => `${used} of ${limit}, ${settled} settled`).join('; ');

/**
 * Asking for more. A principal has one open request a cap: its id stands on their leaf, put there before the record, so
 * that of many at the same moment one comes through, and a repeat of one that was cut off goes on under the same id. The
 * first leaf decides; an app's others only tell.
 */
import { leavesOfPrincipal } from '../admission/leaf-choice.ts';
import { durationMs, epochMs, type DurationMs, type EpochMs } from '../brands.ts';
import { parseInMetric } from '../caps/amounts.ts';
import { capKeyAt, isShared, throttles, type Cap } from '../caps/cap.ts';
import { resetsAt, windowName } from '../caps/windows.ts';
import type { Directory } from '../directory/directory.ts';
import { prepareLeaf } from '../ledger/accounts.ts';
import { accountOf, heldOf, type Books } from '../ledger/books.ts';
import type { Notice, Principal } from '../ledger/leaf.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openRequest, withNotice } from '../ledger/notices.ts';
import type { Policy } from '../policy/policy.ts';
import type { Clock, Ids, ItemKey, Table } from '../ports.ts';
import { freshIds, holdOfKey } from '../request-ids.ts';
import type { Caller } from '../steps/identify.ts';
import { HOUR, plus } from '../time.ts';
import type { GrantMetric, GrantRecord, Standing } from './grant.ts';
import { GrantRecords } from './grant-records.ts';
import { amountMax } from './limits.ts';

export interface Wish {
  cap: string;
  amount: string;
  reason: string;
}

export type Requested =
  | { kind: 'requested'; grant: GrantRecord }
  /** No cap of that id covers the caller. */
  | { kind: 'unknown_cap' }
  /** What it throttles comes back by itself. */
  | { kind: 'passes_by_itself' }
  | { kind: 'bad_amount'; metric: GrantMetric }
  /** The idempotency key asked for something else. */
  | { kind: 'mismatch' };

export interface GrantRequestsDeps {
  table: Table;
  ledger: Ledger;
  directory: Directory;
  clock: Clock;
  ids: Ids;
  policy: Policy;
}

export class GrantRequests {
  private readonly deps: GrantRequestsDeps;
  private readonly records: GrantRecords;
  private readonly wait: DurationMs;

  constructor(deps: GrantRequestsDeps) {
    this.deps = deps;
    this.records = new GrantRecords(deps);
    this.wait = durationMs(deps.policy.approvals.waitHours * HOUR);
  }

  /** One of the caller's own. Throws TableUnavailable. */
  async own(principal: Principal, id: string): Promise<GrantRecord | undefined> {
    const grant = await this.records.get(id);
    return grant && isSame(grant.principal, principal) ? grant : undefined;
  }

  /** Throws TableUnavailable; a repeat goes on where this was cut off. */
  async request(caller: Caller, wish: Wish): Promise<Requested> {
    const { directory, clock, policy } = this.deps;
    const cap = (await directory.capsFor(caller)).find(({ id }) => id === wish.cap);
    if (!cap) return { kind: 'unknown_cap' };
    const { metric } = cap;
    if (metric === 'concurrent' || throttles(cap)) return { kind: 'passes_by_itself' };
    const amount = parseInMetric(metric, wish.amount);
    if (amount === undefined || amount <= 0n || amount > amountMax(metric))
      return { kind: 'bad_amount', metric };

    const wanted = await this.idFor(caller);
    const earlier = caller.idempotencyKey === undefined ? undefined : await this.records.get(wanted);
    if (earlier) return isSameWish(earlier, cap, amount, wish) ? asked(earlier) : { kind: 'mismatch' };

    const now = clock.now();
    const key = capKeyAt(cap, now);
    const windowEnds = resetsAt(cap.window, now, [key]);
    const answerBy = earlierOf(plus(now, this.wait), windowEnds);
    const { keyId, principal } = caller;
    const [first, ...others] = leavesOfPrincipal(policy, principal);
    const { id, books } = await this.claim(cap, first, { wanted, now, answerBy });
    // Before the record, so that no decision is told before its request.
    for (const other of others) await this.tellAlso(other, cap.account, books.leaf.n![cap.account]!);
    const open = await this.records.get(id);
    if (open) return asked(open);
    return asked(
      await this.records.putNew({
        ...{ id, state: 'requested', metric, keyId, principal, amount, reason: wish.reason },
        leaves: others.length + 1,
        ...{ cap: cap.id, account: cap.account, scope: cap.scope, window: windowName(cap.window) },
        ...{ windowKey: key, requestedAt: now, answerBy, windowEnds, standing: standingOf(cap, books) },
        ...{ decision: undefined, taskToken: undefined, mailedAt: undefined },
      }),
    );
  }

  /** The id that this principal's open request on the cap has, which is the wanted one if there was none. */
  private async claim(
    cap: Cap,
    first: ItemKey,
    { wanted, now, answerBy }: { wanted: string; now: EpochMs; answerBy: EpochMs },
  ): Promise<{ id: string; books: Books }> {
    const { leaves, pools } = this.deps.ledger;
    const leaf = await leaves.change(first, (old) => {
      const current = prepareLeaf(old, [cap], now) ?? old;
      if (openRequest(current, cap.account, now) !== undefined) return current === old ? undefined : current;
      const notice = { i: wanted, s: 'requested' as const, w: BigInt(now), u: BigInt(answerBy) };
      return withNotice(current, cap.account, notice);
    });
    const books = { leaf, pools: await pools.readAll([cap].filter(isShared)) };
    return { id: openRequest(leaf, cap.account, now)!, books };
  }

  /** Unless something newer is told there. */
  private async tellAlso(other: ItemKey, account: string, notice: Notice): Promise<void> {
    await this.deps.ledger.leaves.change(other, (leaf) => {
      const known = leaf.n?.[account];
      const isTold = known !== undefined && (known.i === notice.i || known.w > notice.w);
      return isTold ? undefined : withNotice(leaf, account, notice);
    });
  }

  /** The same for each repeat of an idempotency key. */
  private async idFor({ principal, idempotencyKey }: Caller): Promise<string> {
    const { ids } = this.deps;
    const id =
      idempotencyKey === undefined ? freshIds(ids).holdId : await holdOfKey(principal, idempotencyKey);
    return `grant_${id}`;
  }
}

const asked = (grant: GrantRecord): Requested => ({ kind: 'requested', grant });

const isSame = (a: Principal, b: Principal): boolean => a.type === b.type && a.id === b.id;

const isSameWish = (earlier: GrantRecord, cap: Cap, amount: bigint, { reason }: Wish): boolean =>
  earlier.cap === cap.id && earlier.amount === amount && earlier.reason === reason;

const earlierOf = (a: EpochMs, b: EpochMs | null): EpochMs => (b === null ? a : epochMs(Math.min(a, b)));

function standingOf(cap: Cap, books: Books): Standing {
  const { l, s, f } = accountOf(books, cap);
  return {
    limit: cap.limit,
    effectiveLimit: l,
    settled: s,
    reserved: heldOf(books, cap),
    remaining: f > 0n ? f : 0n,
  };
}

/**
 * The auditor: knows what every invocation asked for and what the provider really billed, recomputes every account
 * after each write that the table applied, and ends the seed at the first thing that is not as promised. It shares
 * no logic with the ledger, only the shapes of caps and outcomes.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { StoredItem } from '../../lambdas/adapters/table/local/attribute-values.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { HeldCall, Hold } from '../../lambdas/core/ledger/leaf.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { checkLease, checkOwnAccount, shareOf } from './account-check.ts';
import { keyAt, type Admission } from './account-truth.ts';
import { EventAudit } from './event-audit.ts';
import { newCounts } from './audit-counts.ts';
import { ChargeAudit, SLOT_TIME_MS } from './charge-audit.ts';
import type { Configuration } from './configuration.ts';
import {
  chargeImage,
  holdImage,
  leafImage,
  poolImage,
  stampMs,
  type AccountImage,
  type ChargeImage,
  type HeldImage,
  type HoldImage,
  type LeafImage,
} from './images.ts';
import { Invocation } from './invocations.ts';
import { LeafHistory } from './leaf-history.ts';
import type { Sent } from './network.ts';
import { PoolAudit } from './pool-audit.ts';
import { ProviderLog } from './provider-log.ts';
import { isRate, RateAudit, rateOf } from './rate-audit.ts';
import type { Change } from './recording-store.ts';
import { HOLDS_MAX, RefusalJudge } from './refusals.ts';
import { grantedIn, limitOf, settledIn, Truth, usedIn } from './truth.ts';
import { Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';

/** After so many the adapter gives a write up. */
const ATTEMPTS_OF_ONE_WRITE = 8;

export class Auditor {
  readonly counts = newCounts();
  readonly known: Truth;
  readonly provider: ProviderLog;
  readonly charges: ChargeAudit;
  readonly events: EventAudit;
  private readonly time: VirtualTime;
  private readonly leaves = new LeafHistory();
  private readonly pools: PoolAudit;
  private readonly rates: RateAudit;
  private readonly judge: RefusalJudge;
  private readonly invocations = new Map<string, Invocation>();
  private readonly openHolds = new Set<string>();
  /** By hold, by account. */
  private readonly admissions = new Map<string, Map<string, Admission>>();
  /** Every hold there ever was, by id and stamp. */
  private readonly everHeld = new Map<string, HoldImage>();
  /** When each hold was resolved. */
  private readonly closedAt = new Map<string, number>();
  private readonly heldBy = new Set<string>();
  private readonly raised = new Set<bigint>();
  /** Stamps of holds that somebody has tried to remove. */
  private readonly removed = new Set<bigint>();
  /** When each call of a client was charged, voids apart. */
  private readonly chargedByCall = new Map<number, number>();
  /** Shared caps that the write at hand touches. */
  private readonly touched = new Set<string>();

  constructor(options: {
    time: VirtualTime;
    configuration: Configuration;
    skewMsMax: number;
    ratePerMinute: number;
  }) {
    this.time = options.time;
    const known = new Truth(options);
    this.known = known;
    this.provider = new ProviderLog(known);
    this.charges = new ChargeAudit(known, this.provider);
    this.events = new EventAudit(known);
    this.pools = new PoolAudit(known, () => this.leaves.all());
    this.rates = new RateAudit(options);
    this.judge = new RefusalJudge({ known, leaves: this.leaves, pools: this.pools, rates: this.rates });
  }

  // ---- what invocations tell ---------------------------------------------------------------------------------

  begins(options: ConstructorParameters<typeof Invocation>[1]): Invocation {
    const invocation = new Invocation(this.known, options);
    this.invocations.set(invocation.request, invocation);
    return invocation;
  }

  /** A request left a process: reserves, raised fences and grants are told by what they carry. */
  sent({ operation, input }: Sent): void {
    if (operation === 'putItem') this.grantsSent((input as { Item: StoredItem }).Item);
    if (operation !== 'updateItem') return;
    const {
      UpdateExpression: update,
      ExpressionAttributeValues: values,
      Key,
    } = input as {
      Key: { pk: { S: string } };
      UpdateExpression: string;
      ExpressionAttributeValues: Record<string, AttributeValue>;
    };
    const hold = values[':hold'] && holdImage(values[':hold']);
    if (hold) this.invocations.get(hold.rq)!.sends(hold.at, Key.pk.S);
    if (update.startsWith('SET t = ')) this.raised.add(BigInt(values[':at']!.N!));
    if (update.endsWith(' REMOVE h.#id')) this.removed.add(BigInt(values[':at']!.N!));
  }

  private grantsSent(item: StoredItem): void {
    const pk = item['pk']!.S!;
    if (pk.startsWith('P#')) this.known.grantsSent(pk.slice('P#'.length), poolImage(item));
    if (pk.startsWith('L#'))
      for (const [name, account] of leafImage(item).a) this.known.grantsSent(name, account);
  }

  reserved(invocation: Invocation, outcome: ReserveOutcome): void {
    this.counts.reserved += 1;
    if (outcome.kind !== 'held') this.leavesWithout(invocation);
    switch (outcome.kind) {
      case 'held': {
        const { id, at } = outcome.call;
        if (this.everHeld.has(holdName(id, at))) return;
        throw new Violation('resolved once', `${id} is told to hold what nobody holds`);
      }
      case 'recorded': {
        const { id, at, used, info } = outcome.charge;
        this.counts.replayed += 1;
        const charge = this.charges.of(id);
        const isTrue = charge?.at === at && charge.used.u === used.u && charge.bh === info.bh;
        if (!isTrue || charge.outcome === 'voided')
          throw new Violation('resolved once', `${id} is answered with a charge that does not stand`);
        return;
      }
      case 'in_flight':
        this.counts.inFlight += 1;
        this.judgeInFlight(invocation, outcome.hold);
        return;
      case 'short':
        this.counts.denials += 1;
        this.judgeRepeat(invocation);
        this.judgeDenial(invocation, outcome);
        return;
      case 'undecided':
        this.counts.undecided += 1;
        this.judgeRepeat(invocation);
        this.judge.undecided(invocation, outcome.cap, outcome.fit.smallest.u);
        return;
      case 'crowded':
        this.counts.throttles += 1;
        this.judgeRepeat(invocation);
        this.judge.crowded(invocation, outcome.leaf);
        return;
      case 'unavailable':
        this.counts.unavailable += 1;
        if (!invocation.metFaults())
          throw new Violation(
            'throttle justified',
            `unavailable (${outcome.reason}) while the table answers`,
          );
    }
  }

  private judgeDenial(invocation: Invocation, outcome: ReserveOutcome & { kind: 'short' }): void {
    try {
      this.judge.denied(invocation, outcome);
    } catch (error) {
      this.counts.falseDenials += 1;
      throw error;
    }
  }

  /**
   * Whoever leaves without a hold holds nothing, and has made sure that no copy of its reserve can land any more;
   * but for one whom the table has not let, again and again.
   */
  private leavesWithout(invocation: Invocation): void {
    const metMany = invocation.metFaults(ATTEMPTS_OF_ONE_WRITE);
    invocation.hasLeft = true;
    for (const pk of invocation.leaves) {
      const leaf = this.leaves.latest(pk);
      const newestSent = invocation.newestSentTo(pk);
      const triedToRaise = this.raised.has(newestSent);
      if (triedToRaise && (leaf?.t ?? 0n) < newestSent) invocation.hasLeft = false;
      for (const [id, hold] of leaf?.h ?? [])
        if (hold.rq === invocation.request && !(metMany && (triedToRaise || this.removed.has(hold.at))))
          throw new Violation('nothing lands late', `${id} is left behind by its caller`);
    }
  }

  /** A call that was charged before the attempt began is answered with its charge, not refused. */
  private judgeRepeat({ call, startedAt }: Invocation): void {
    if (call.bodyHash === undefined) return;
    const charged = this.chargedByCall.get(call.number);
    if (charged !== undefined && charged < startedAt)
      throw new Violation('resolved once', `call ${call.number} is refused, and was charged before`);
  }

  /** The other call was in flight at some instant of the attempt. */
  private judgeInFlight({ startedAt, request, call }: Invocation, { at, i: { rq, bh } }: Hold): void {
    const closedAt = [...this.closedAt].find(([name]) => name.endsWith(` ${at}`))?.[1];
    if (this.invocations.get(rq)!.call.bodyHash !== bh)
      throw new Violation('resolved once', `${rq} is told to have asked for ${bh}`);
    if (rq === request || (closedAt !== undefined && closedAt < startedAt))
      throw new Violation('throttle justified', `call ${call.number} waits for ${rq}`);
  }

  forwards({ id, at }: HeldCall): void {
    if (!this.openHolds.has(holdName(id, at)))
      throw new Violation('resolved once', `${id} is forwarded without a hold`);
    this.provider.forward(id, at);
    const previous = previousGeneration(id);
    if (previous !== undefined && this.charges.of(previous)?.outcome !== 'voided')
      throw new Violation('resolved once', `${id} is forwarded, and so is ${previous}`);
  }

  // ---- what the table tells ----------------------------------------------------------------------------------

  applied(changes: readonly Change[]): void {
    let isAdjusted = false;
    for (const { pk, next, old } of changes) {
      if (!next) throw new Violation('resolved once', `${pk} is deleted`);
      if (!pk.startsWith('C#')) continue;
      if (old) throw new Violation('resolved once', `${pk} is written again`);
      isAdjusted = this.charged(pk.slice('C#'.length), chargeImage(next)) || isAdjusted;
    }
    for (const { pk, sk, old, next } of changes) {
      if (pk.startsWith('L#')) this.leafChanged(old && leafImage(old), leafImage(next!));
      else if (pk.startsWith('X#')) this.pools.listed(pk.slice('X#'.length), sk);
      else if (pk.startsWith('P#')) {
        const account = pk.slice('P#'.length);
        this.pools.poolChanged(account, poolImage(next!), isAdjusted);
        this.rates.poolChanged(account, poolImage(next!));
        this.touched.add(account);
      }
    }
    for (const account of this.touched) this.pools.check(account);
    this.touched.clear();
  }

  private leafChanged(old: LeafImage | undefined, next: LeafImage): void {
    if (next.v !== (old?.v ?? 0n) + 1n)
      throw new Violation('conservation', `${next.pk} goes from version ${old?.v} to ${next.v}`);
    if (old && next.t < old.t) throw new Violation('conservation', `the fence of ${next.pk} falls`);
    this.leaves.add(next, this.time.now);
    for (const [id, hold] of old?.h ?? []) {
      const after = next.h.get(id);
      if (after === hold) continue;
      if (after?.at === hold.at) this.holdChanged(next, id, hold, after);
      else this.closed(next, id, hold);
    }
    for (const [id, hold] of next.h) if (old?.h.get(id)?.at !== hold.at) this.opened(next, id, hold);
    for (const [name, account] of old?.a ?? []) if (!next.a.has(name)) this.accountGone(next, name, account);
    for (const [name, account] of next.a) this.accountStands(next, name, account, old?.a.get(name));
  }

  private accountStands(
    { pk }: LeafImage,
    name: string,
    account: AccountImage,
    old: AccountImage | undefined,
  ): void {
    if (!this.known.isShared(name)) {
      checkOwnAccount(this.known, { pk, name }, account, old);
      if (account.g !== undefined && account.g !== old?.g) this.counts.stages += 1;
      return;
    }
    if (account === old) return;
    checkLease(this.known, { pk, name }, account, old);
    if (!old) this.pools.checkListed(name, pk, account);
    this.touched.add(name);
  }

  /** Only leases leave a leaf; whether one had anything left, its pool's equation tells. */
  private accountGone({ pk }: LeafImage, name: string, account: AccountImage): void {
    if (!this.known.isShared(name) || this.known.onLeaf(pk, name).heldIn(account.k) !== 0n)
      throw new Violation('conservation', `${pk} loses the account ${name}`);
    this.touched.add(name);
  }

  private opened(leaf: LeafImage, id: string, hold: HoldImage): void {
    const invocation = this.invocations.get(hold.rq);
    if (!invocation) throw new Violation('resolved once', `${id} is held by nobody`);
    if (invocation.hasLeft)
      throw new Violation('nothing lands late', `${id} is held after its caller left without a hold`);
    if (!invocation.leaves.includes(leaf.pk))
      throw new Violation('resolved once', `${id} is held on ${leaf.pk}`);
    const once = `${id} ${hold.rq}`;
    if (this.heldBy.has(once)) throw new Violation('resolved once', `${id} is held twice by one invocation`);
    this.heldBy.add(once);
    if (leaf.h.size > HOLDS_MAX) throw new Violation('cap exceeded', `${leaf.h.size} calls in flight`);
    const admissions = new Map<string, Admission>();
    this.openHolds.add(holdName(id, hold.at));
    this.admissions.set(holdName(id, hold.at), admissions);
    this.everHeld.set(holdName(id, hold.at), hold);
    invocation.checkAmounts(id, hold);
    if (hold.bh !== invocation.call.bodyHash)
      throw new Violation('resolved once', `${id} is held for ${hold.bh}`);
    for (const cap of invocation.caps) {
      const held = hold.c.get(cap.account)!;
      this.checkKey(invocation, cap, held, leaf);
      const truth = this.known.onLeaf(leaf.pk, cap.account);
      truth.hold(held.k, held.n);
      if (this.known.isShared(cap.account)) {
        this.known.ofPool(cap.account).hold(held.k, held.n);
        this.pools.admitted(cap, held, invocation.startedAt);
        continue;
      }
      if (cap.window.kind === 'rolling')
        admissions.set(cap.account, truth.admit(Math.min(stampMs(hold.at), this.time.now), held.n));
      this.checkBound(leaf, cap, held, hold);
    }
    this.rates.held(invocation, leaf, hold);
    for (const [name, held] of hold.c) {
      if (!isRate(name)) continue;
      this.counts.rated += 1;
      this.checkKey(invocation, rateOf(name), held, leaf);
      this.known.onLeaf(leaf.pk, name).hold(held.k, held.n);
      this.checkBound(leaf, rateOf(name), held, hold);
    }
  }

  /** The caps themselves: with this call, nothing is above what the account's revision of the cap promised. */
  private checkBound(leaf: LeafImage, cap: Cap, held: HeldImage, hold: HoldImage): void {
    const account = leaf.a.get(cap.account)!;
    const truth = this.known.onLeaf(leaf.pk, cap.account);
    const promised = limitOf(this.known.revisionOf(cap.account, account.r)) + grantedIn(account);
    const fail = (what: string): never => {
      throw new Violation('cap exceeded', `${cap.account} ${what}`);
    };
    if (account.r! < cap.revision) fail(`admits by revision ${account.r}, known is ${cap.revision}`);
    this.checkBlock(cap, account, settledIn(truth, account));
    if (held.n === 0n) return;
    this.checkExpired(leaf, cap.account, hold);
    const used = usedIn(truth, account);
    if (used > promised) fail(`has ${used} of ${promised}`);
    if (cap.window.kind !== 'rolling') return;
    const since = this.time.now - cap.window.buckets * cap.window.bucketMs + 2 * this.known.skewMsMax;
    const sliding = truth.usedSince(since);
    if (sliding > promised) fail(`has ${sliding} of ${promised} in a sliding window`);
  }

  /**
   * What an expired grant leaves is spent by nobody; but for a reserve that was sent when its process had last heard
   * of the leaf before it had the grant, since a reserve does not name the limit that it was computed for.
   */
  private checkExpired(leaf: LeafImage, name: string, { at, rq }: HoldImage): void {
    const heardAt = this.invocations.get(rq)!.heardWhenSent(at);
    for (const [id, { n, x }] of leaf.a.get(name)!.o) {
      const isExpired = Number(x) + 2 * this.known.skewMsMax < stampMs(at);
      if (n > 0n && isExpired && heardAt >= this.known.grantOf(name, id)!.appliedAt!)
        throw new Violation('cap exceeded', `${name} spends of the grant ${id}, which has expired`);
    }
  }

  /** A ladder's last rung below the limit. It is judged by the limit that the caller saw, which may be older. */
  private checkBlock(cap: Cap, account: AccountImage, settled: bigint): void {
    const { block } = cap.thresholds;
    if (cap.metric === 'concurrent' || block === null || block >= 1000) return;
    let from = 0n;
    for (let revision = cap.revision; revision <= account.r!; revision += 1n) {
      const limit = limitOf(this.known.revisionOf(cap.account, revision)) + this.known.grantsOf(cap.account);
      const share = shareOf(limit, block)!;
      if (share > from) from = share;
    }
    if (settled >= from)
      throw new Violation('cap exceeded', `${cap.account} is blocked from ${from}: ${settled}`);
  }

  private checkKey(invocation: Invocation, cap: Cap, held: HeldImage, leaf: LeafImage): void {
    const account = leaf.a.get(cap.account);
    if (!account) throw new Violation('conservation', `${cap.account} is held and has no account`);
    const { skewMsMax } = this.known;
    const earliest = keyAt(cap.window, invocation.startedAt - skewMsMax - 1);
    const latest = keyAt(cap.window, this.time.now + skewMsMax + 1);
    const isRight = cap.metric === 'concurrent' ? held.k === 0n : held.k >= earliest && held.k <= latest;
    if (!isRight || held.k !== account.k)
      throw new Violation(
        'cap exceeded',
        `${cap.account} is held in the window ${held.k}, open is ${account.k}`,
      );
  }

  private closed(leaf: LeafImage, id: string, hold: HoldImage): void {
    const name = holdName(id, hold.at);
    const charge = this.charges.settles(id, hold.at);
    if (!charge) this.counts.voided += 1;
    else {
      this.counts.settled += 1;
      if (charge.outcome === 'presumed_spent') this.counts.presumed += 1;
      if (charge.outcome === 'overrun') this.counts.overruns += 1;
    }
    const admissions = this.admissions.get(name)!;
    this.openHolds.delete(name);
    this.closedAt.set(name, this.time.now);
    for (const [account, { k, n, m }] of hold.c) {
      const used = charge && m !== 'c' ? charge.used[m] : 0n;
      this.known.onLeaf(leaf.pk, account).settle(k, n, used);
      if (this.known.isShared(account)) this.known.ofPool(account).settle(k, n, used);
      const admission = admissions.get(account);
      // What corrects a charge may come before its hold is closed.
      if (admission) admission.amount += used - n;
    }
  }

  /** Of a hold that stays, only a slot of calls in flight may go, once the call cannot be running any more. */
  private holdChanged(leaf: LeafImage, id: string, old: HoldImage, next: HoldImage): void {
    for (const [account, held] of old.c) {
      const after = next.c.get(account);
      if (after?.k === held.k && after.n === held.n && after.m === held.m) continue;
      const isOld = this.time.now + 2 * this.known.skewMsMax >= stampMs(old.at) + SLOT_TIME_MS;
      if (after || held.m !== 'c' || !isOld)
        throw new Violation('conservation', `${id} holds another amount of ${account} than before`);
      this.counts.slotsFreed += 1;
      this.known.onLeaf(leaf.pk, account).hold(held.k, -held.n);
    }
  }

  /** True for one that corrects an earlier charge. */
  private charged(id: string, charge: ChargeImage): boolean {
    const adjusted = this.charges.adjusts(id, charge);
    if (adjusted) {
      this.counts.adjusted += 1;
      const name = holdName(id.slice(0, -2), charge.at);
      for (const [account, { k, m }] of this.everHeld.get(name)!.c) {
        if (m === 'c') continue;
        const admission = this.admissions.get(name)!.get(account);
        if (admission) admission.amount += charge.used[m];
        this.known.onLeaf(charge.leaf, account).adjust(k, charge.used[m]);
        if (this.known.isShared(account)) this.known.ofPool(account).adjust(k, charge.used[m]);
      }
      return true;
    }
    const hold = this.everHeld.get(holdName(id, charge.at));
    this.charges.written(id, charge, hold, this.leaves.hadHolds(charge.leaf, HOLDS_MAX / 2));
    if (charge.outcome !== 'voided')
      this.chargedByCall.set(this.invocations.get(hold!.rq)!.call.number, this.time.now);
    return false;
  }

  /** Once faults have stopped and the collectors have been round: everything is resolved. */
  atRest(): void {
    for (const name of this.openHolds) throw new Violation('progress', `${name} is held for ever`);
    this.charges.atRest();
    this.pools.atRest();
    this.events.atRest();
  }
}

const holdName = (id: string, at: bigint): string => `${id} ${at}`;

/** `key.2` is tried after `key.1`, and that after `key`. */
function previousGeneration(id: string): string | undefined {
  const match = /^(.+)\.(\d+)$/.exec(id);
  if (!match) return undefined;
  return match[2] === '1' ? match[1] : `${match[1]}.${Number(match[2]) - 1}`;
}

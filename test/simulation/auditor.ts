/**
 * The auditor: knows what every invocation asked for and what the provider really billed, recomputes every account
 * after each write that the table applied, and ends the seed at the first thing that is not as promised. It shares
 * no logic with the ledger, only the shapes of caps and outcomes.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { HeldCall, Hold } from '../../lambdas/core/ledger/leaf.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/ledger.ts';
import { AccountTruth, keyAt, type Admission } from './account-truth.ts';
import type { Configuration } from './configuration.ts';
import {
  chargeImage,
  holdImage,
  leafImage,
  stampMs,
  type AccountImage,
  type ChargeImage,
  type HeldImage,
  type HoldImage,
  type LeafImage,
} from './images.ts';
import type { Sent } from './network.ts';
import type { PlannedCall } from './plan.ts';
import type { SimulatedProcess } from './process.ts';
import type { Change } from './recording-store.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Calls in flight that one leaf takes. */
const HOLDS_MAX = 64;
const SLOT_TIME_MS = 16 * 60_000;
const CONFIGURATION_LAG_MS = 30_000;
const HOLD_LIFETIME_MS = 24 * 3_600_000;
const ATTEMPTS_OF_ONE_WRITE = 8;

export type Rule =
  | 'cap exceeded'
  | 'conservation'
  | 'resolved once'
  | 'charged the truth'
  | 'denial justified'
  | 'throttle justified'
  | 'nothing lands late'
  | 'configuration lag'
  | 'stage'
  | 'progress';

export class Violation extends Error {
  override name = 'Violation';
  readonly rule: Rule;
  constructor(rule: Rule, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}

/** One run of `reserve` by one process. */
export interface Invocation {
  /** Stands in every hold that it makes. */
  request: string;
  process: SimulatedProcess;
  call: PlannedCall;
  caps: readonly Cap[];
  startedAt: number;
  /** Table faults that its process had met by then. */
  faultsBefore: number;
  /** Newest stamp that it sent. */
  newestSent: bigint;
  /** It was answered without a hold, and nothing of it may land any more. */
  hasLeft: boolean;
}

interface OpenHold {
  admissions: Map<string, Admission>;
  hold: HoldImage;
}

export interface AuditCounts {
  reserved: number;
  settled: number;
  presumed: number;
  voided: number;
  replayed: number;
  inFlight: number;
  denials: number;
  falseDenials: number;
  throttles: number;
  unavailable: number;
  slotsFreed: number;
  overruns: number;
  stages: number;
}

export class Auditor {
  readonly counts: AuditCounts = {
    reserved: 0,
    settled: 0,
    presumed: 0,
    voided: 0,
    replayed: 0,
    inFlight: 0,
    denials: 0,
    falseDenials: 0,
    throttles: 0,
    unavailable: 0,
    slotsFreed: 0,
    overruns: 0,
    stages: 0,
  };
  private readonly time: VirtualTime;
  private readonly configuration: Configuration;
  private readonly skewMsMax: number;
  private readonly invocations = new Map<string, Invocation>();
  private readonly truths = new Map<string, Map<string, AccountTruth>>();
  /** Every version that a leaf has had, and since when. */
  private readonly versions = new Map<string, { image: LeafImage; since: number }[]>();
  private readonly openHolds = new Map<string, OpenHold>();
  /** Every hold there ever was, by id and stamp. */
  private readonly everHeld = new Map<string, HoldImage>();
  private readonly heldBy = new Set<string>();
  private readonly charges = new Map<string, ChargeImage>();
  /** Stamp of the hold that each charge settled. */
  private readonly debited = new Map<string, bigint>();
  private readonly forwarded = new Map<string, bigint>();
  private readonly billed = new Map<string, { usd: bigint; tokens: bigint }>();
  private readonly running = new Map<string, number>();
  private readonly raised = new Set<bigint>();
  /** When each hold was resolved. */
  private readonly closedAt = new Map<string, number>();
  /** When each call of a client was charged, voids apart. */
  private readonly chargedByCall = new Map<number, number>();

  constructor(options: { time: VirtualTime; configuration: Configuration; skewMsMax: number }) {
    this.time = options.time;
    this.configuration = options.configuration;
    this.skewMsMax = options.skewMsMax;
  }

  // ---- what invocations tell ---------------------------------------------------------------------------------

  begins(invocation: Omit<Invocation, 'startedAt' | 'faultsBefore' | 'newestSent' | 'hasLeft'>): Invocation {
    const begun = {
      ...invocation,
      startedAt: this.time.now,
      faultsBefore: invocation.process.faultsMet,
      newestSent: 0n,
      hasLeft: false,
    };
    this.invocations.set(begun.request, begun);
    for (const cap of begun.caps) {
      const next = this.configuration.since.get(cap.account)!.get(cap.revision + 1n);
      if (next !== undefined && next < this.time.now - CONFIGURATION_LAG_MS)
        throw new Violation('configuration lag', `${cap.account} is seen at revision ${cap.revision}`);
    }
    return begun;
  }

  /** A request left a process: reserves and raised fences are told by what they carry. */
  sent({ operation, input }: Sent): void {
    if (operation !== 'updateItem') return;
    const { UpdateExpression: update, ExpressionAttributeValues: values } = input as {
      UpdateExpression: string;
      ExpressionAttributeValues: Record<string, AttributeValue>;
    };
    const hold = values[':hold'] && holdImage(values[':hold']);
    if (hold) this.invocations.get(hold.rq)!.newestSent = hold.at;
    if (update.startsWith('SET t = ')) this.raised.add(BigInt(values[':at']!.N!));
  }

  reserved(invocation: Invocation, outcome: ReserveOutcome): void {
    this.counts.reserved += 1;
    if (outcome.kind !== 'held') this.leaves(invocation);
    switch (outcome.kind) {
      case 'held': {
        const { id, at } = outcome.call;
        if (this.openHolds.has(holdName(id, at)) || this.everHeld.has(holdName(id, at))) return;
        throw new Violation('resolved once', `${id} is told to hold what nobody holds`);
      }
      case 'recorded': {
        const { id, at } = outcome.charge;
        this.counts.replayed += 1;
        const charge = this.charges.get(id);
        if (charge?.at !== at || charge.used.u !== outcome.charge.used.u || charge.outcome === 'voided')
          throw new Violation('resolved once', `${id} is answered with a charge that does not stand`);
        return;
      }
      case 'in_flight':
        this.counts.inFlight += 1;
        this.judgeInFlight(invocation, outcome.hold);
        return;
      case 'short':
        this.judgeRefusal(invocation);
        this.judgeDenial(invocation, outcome);
        return;
      case 'crowded':
        this.judgeRefusal(invocation);
        this.judgeCrowded(invocation, outcome.leaf.v);
        return;
      case 'unavailable':
        this.counts.unavailable += 1;
        if (invocation.process.faultsMet === invocation.faultsBefore)
          throw new Violation(
            'throttle justified',
            `unavailable (${outcome.reason}) while the table answers`,
          );
    }
  }

  /**
   * Whoever leaves without a hold holds nothing, and has made sure that no copy of its reserve can land any more;
   * but for one whom the table has not let, again and again.
   */
  private leaves(invocation: Invocation): void {
    const { newestSent, call, request, process, faultsBefore } = invocation;
    const leaf = this.latest(call.caller.leaf.pk);
    const couldNotRaise = (leaf?.t ?? 0n) < newestSent && this.raised.has(newestSent);
    invocation.hasLeft = !couldNotRaise;
    if (process.faultsMet - faultsBefore >= ATTEMPTS_OF_ONE_WRITE) return;
    for (const [id, hold] of leaf?.h ?? [])
      if (hold.rq === request)
        throw new Violation('nothing lands late', `${id} is left behind by its caller`);
  }

  /** A call that was charged before the attempt began is answered with its charge, not refused. */
  private judgeRefusal({ call, startedAt }: Invocation): void {
    if (!call.isIdempotent) return;
    const charged = this.chargedByCall.get(call.number);
    if (charged !== undefined && charged < startedAt)
      throw new Violation('resolved once', `call ${call.number} is refused, and was charged before`);
  }

  /** The other call was in flight at some instant of the attempt. */
  private judgeInFlight(invocation: Invocation, { at, i: { rq } }: Hold): void {
    const { startedAt, request, call } = invocation;
    const closedAt = [...this.closedAt].find(([name]) => name.endsWith(` ${at}`))?.[1];
    if (rq === request || (closedAt !== undefined && closedAt < startedAt))
      throw new Violation('throttle justified', `call ${call.number} waits for ${rq}`);
  }

  forwards(id: string, at: bigint): void {
    if (!this.openHolds.has(holdName(id, at)))
      throw new Violation('resolved once', `${id} is forwarded without a hold`);
    if (this.forwarded.has(id)) throw new Violation('resolved once', `${id} is forwarded twice`);
    this.forwarded.set(id, at);
    const previous = previousGeneration(id);
    if (previous !== undefined && this.charges.get(previous)?.outcome !== 'voided')
      throw new Violation('resolved once', `${id} is forwarded, and so is ${previous}`);
  }

  /** A call runs at the provider from now on, under a cap on calls in flight. Returns how to say that it has ended. */
  runs({ leaf, hold }: HeldCall): () => void {
    const names = Object.keys(hold.c).filter((name) => hold.c[name]!.m === 'c');
    for (const name of names) {
      const key = `${leaf.pk} ${name}`;
      const running = (this.running.get(key) ?? 0) + 1;
      this.running.set(key, running);
      const limits = [...this.configuration.history.get(name)!.values()].map(limitOf);
      if (limits.every((limit) => BigInt(running) > limit))
        throw new Violation('cap exceeded', `${running} calls run at once under ${name}`);
    }
    return () => {
      for (const name of names) {
        const key = `${leaf.pk} ${name}`;
        this.running.set(key, this.running.get(key)! - 1);
      }
    };
  }

  bills(id: string, usd: bigint, tokens: bigint): void {
    this.billed.set(id, { usd, tokens });
  }

  bill(id: string): { usd: bigint; tokens: bigint } | undefined {
    return this.billed.get(id);
  }

  wasForwarded(id: string, at: bigint): boolean {
    return this.forwarded.get(id) === at;
  }

  // ---- what the table tells ----------------------------------------------------------------------------------

  applied(changes: readonly Change[]): void {
    for (const { pk, old, next } of changes) {
      if (!next) throw new Violation('resolved once', `${pk} is deleted`);
      if (pk.startsWith('L#')) this.leafChanged(old && leafImage(old), leafImage(next));
      else if (pk.startsWith('C#')) this.charged(pk.slice('C#'.length), chargeImage(next), old !== undefined);
    }
  }

  private leafChanged(old: LeafImage | undefined, next: LeafImage): void {
    if (next.v !== (old?.v ?? 0n) + 1n)
      throw new Violation('conservation', `${next.pk} goes from version ${old?.v} to ${next.v}`);
    if (old && next.t < old.t) throw new Violation('conservation', `the fence of ${next.pk} falls`);
    const versions = this.versions.get(next.pk);
    if (versions) versions.push({ image: next, since: this.time.now });
    else this.versions.set(next.pk, [{ image: next, since: this.time.now }]);
    for (const [id, hold] of old?.h ?? []) {
      const after = next.h.get(id);
      if (after === hold) continue;
      if (after?.at === hold.at) this.holdChanged(next, id, hold, after);
      else this.closed(next, id, hold);
    }
    for (const [id, hold] of next.h) if (old?.h.get(id)?.at !== hold.at) this.opened(next, id, hold);
    for (const name of old?.a.keys() ?? [])
      if (!next.a.has(name)) throw new Violation('conservation', `${next.pk} loses the account ${name}`);
    for (const [name, account] of next.a) this.checkAccount(next, name, account, old?.a.get(name));
  }

  private opened(leaf: LeafImage, id: string, hold: HoldImage): void {
    const invocation = this.invocations.get(hold.rq);
    if (!invocation) throw new Violation('resolved once', `${id} is held by nobody`);
    if (invocation.hasLeft)
      throw new Violation('nothing lands late', `${id} is held after its caller left without a hold`);
    if (invocation.call.caller.leaf.pk !== leaf.pk)
      throw new Violation('resolved once', `${id} is held on ${leaf.pk}`);
    const once = `${id} ${hold.rq}`;
    if (this.heldBy.has(once)) throw new Violation('resolved once', `${id} is held twice by one invocation`);
    this.heldBy.add(once);
    if (leaf.h.size > HOLDS_MAX) throw new Violation('cap exceeded', `${leaf.h.size} calls in flight`);
    const admissions = new Map<string, Admission>();
    this.openHolds.set(holdName(id, hold.at), { admissions, hold });
    this.everHeld.set(holdName(id, hold.at), hold);
    checkAmounts(invocation, id, hold);
    for (const cap of invocation.caps) {
      const held = hold.c.get(cap.account)!;
      this.checkKey(invocation, cap, held, leaf);
      const truth = this.truthOf(leaf.pk, cap.account);
      truth.hold(held.k, held.n);
      if (cap.window.kind === 'rolling')
        admissions.set(cap.account, truth.admit(Math.min(stampMs(hold.at), this.time.now), held.n));
      this.checkBound(leaf, cap, held);
    }
  }

  /** The caps themselves: with this call, nothing is above what the account's revision of the cap promised. */
  private checkBound(leaf: LeafImage, cap: Cap, held: HeldImage): void {
    const account = leaf.a.get(cap.account)!;
    const truth = this.truthOf(leaf.pk, cap.account);
    const promised = limitOf(this.revisionOf(cap.account, account.r));
    if (account.r < cap.revision)
      throw new Violation(
        'cap exceeded',
        `${cap.account} admits by revision ${account.r}, known is ${cap.revision}`,
      );
    if (held.n > 0n) {
      const used = usedIn(truth, account);
      if (used > promised) throw new Violation('cap exceeded', `${cap.account}: ${used} of ${promised}`);
    }
    if (cap.window.kind === 'rolling' && held.n > 0n) {
      const since = this.time.now - cap.window.buckets * cap.window.bucketMs + 2 * this.skewMsMax;
      const used = truth.usedSince(since);
      if (used > promised)
        throw new Violation('cap exceeded', `${cap.account}: ${used} of ${promised} in a sliding window`);
    }
    this.checkBlock(cap, account, truth);
  }

  /** A ladder's last rung below the limit. It is judged by the limit that the caller saw, which may be older. */
  private checkBlock(cap: Cap, account: AccountImage, truth: AccountTruth): void {
    const { block } = cap.thresholds;
    if (cap.metric === 'concurrent' || block === null || block >= 1000) return;
    let from = 0n;
    for (let revision = cap.revision; revision <= account.r; revision += 1n) {
      const share = (limitOf(this.revisionOf(cap.account, revision)) * BigInt(block) + 999n) / 1000n;
      if (share > from) from = share;
    }
    const settled = settledIn(truth, account);
    if (settled >= from)
      throw new Violation('cap exceeded', `${cap.account} is blocked from ${from}: ${settled}`);
  }

  private checkKey(invocation: Invocation, cap: Cap, held: HeldImage, leaf: LeafImage): void {
    const account = leaf.a.get(cap.account);
    if (!account) throw new Violation('conservation', `${cap.account} is held and has no account`);
    const earliest = keyAt(cap.window, invocation.startedAt - this.skewMsMax - 1);
    const latest = keyAt(cap.window, this.time.now + this.skewMsMax + 1);
    const isRight = cap.metric === 'concurrent' ? held.k === 0n : held.k >= earliest && held.k <= latest;
    if (!isRight || held.k !== account.k)
      throw new Violation(
        'cap exceeded',
        `${cap.account} is held in the window ${held.k}, open is ${account.k}`,
      );
  }

  private closed(leaf: LeafImage, id: string, hold: HoldImage): void {
    const name = holdName(id, hold.at);
    const charge = this.charges.get(id);
    const isCharged = charge?.at === hold.at;
    if (isCharged) {
      if (this.debited.has(id)) throw new Violation('resolved once', `${id} is settled twice`);
      this.debited.set(id, hold.at);
      this.counts.settled += 1;
      if (charge.outcome === 'presumed_spent') this.counts.presumed += 1;
      if (charge.outcome === 'overrun') this.counts.overruns += 1;
    } else {
      this.counts.voided += 1;
      if (this.forwarded.get(id) === hold.at)
        throw new Violation(
          'charged the truth',
          `${id} was forwarded, and its hold is gone without a charge`,
        );
    }
    const { admissions } = this.openHolds.get(name)!;
    this.openHolds.delete(name);
    this.closedAt.set(name, this.time.now);
    for (const [account, { k, n, m }] of hold.c) {
      const used = isCharged && m !== 'c' ? charge.used[m] : 0n;
      this.truthOf(leaf.pk, account).settle(k, n, used);
      const admission = admissions.get(account);
      if (admission) admission.amount = used;
    }
  }

  /** Of a hold that stays, only a slot of calls in flight may go, once the call cannot be running any more. */
  private holdChanged(leaf: LeafImage, id: string, old: HoldImage, next: HoldImage): void {
    for (const [account, held] of old.c) {
      const after = next.c.get(account);
      if (after?.k === held.k && after.n === held.n && after.m === held.m) continue;
      const isOld = this.time.now + 2 * this.skewMsMax >= stampMs(old.at) + SLOT_TIME_MS;
      if (after || held.m !== 'c' || !isOld)
        throw new Violation('conservation', `${id} holds another amount of ${account} than before`);
      this.counts.slotsFreed += 1;
      this.truthOf(leaf.pk, account).hold(held.k, -held.n);
    }
  }

  private checkAccount(
    leaf: LeafImage,
    name: string,
    account: AccountImage,
    old: AccountImage | undefined,
  ): void {
    const cap = this.revisionOf(name, account.r);
    const truth = this.truthOf(leaf.pk, name);
    const fail = (what: string): never => {
      const { k, f, s, l } = account;
      throw new Violation('conservation', `${leaf.pk} ${name} ${what} (k ${k} f ${f} s ${s} l ${l})`);
    };
    if (old && account.k < old.k) fail('goes back to an older window');
    if (old && account.r < old.r) fail('goes back to an older revision');
    if (account.l !== limitOf(cap))
      fail(`has another limit than revision ${account.r}, which is ${limitOf(cap)}`);
    const settled = settledIn(truth, account);
    if (account.s !== settled) fail(`has settled another sum than its charges, which is ${settled}`);
    const held = usedIn(truth, account) - settled;
    if (account.l !== account.f + account.s + held) fail(`is not f + s + held, which is ${held}`);
    if (cap.window.kind === 'rolling') checkBuckets(truth, account, cap.window, fail);
    else if (account.b) fail('has buckets');
    if (account.g !== undefined && account.g !== old?.g) this.counts.stages += 1;
    if (account.g !== undefined) this.checkStage(name, account, settled);
  }

  /** What the ladder set stands only as far as the settled totals reach it. */
  private checkStage(name: string, account: AccountImage, settled: bigint): void {
    const { thresholds, overage } = this.revisionOf(name, account.r);
    const share = (limit: bigint, thousandths: number | null | undefined): bigint | undefined =>
      thousandths === null || thousandths === undefined
        ? undefined
        : (limit * BigInt(thousandths) + 999n) / 1000n;
    const from = {
      warned: share(account.l - overage, thresholds.warn?.[0]),
      throttled: share(account.l - overage, thresholds.throttle),
      blocked: share(account.l, thresholds.block),
    }[account.g as 'warned' | 'throttled' | 'blocked'];
    if (from === undefined || settled < from)
      throw new Violation('stage', `${name} is ${account.g} from ${from} on, at ${settled}`);
  }

  private charged(id: string, charge: ChargeImage, isAnother: boolean): void {
    if (isAnother) throw new Violation('resolved once', `the charge of ${id} is written again`);
    const hold = this.everHeld.get(holdName(id, charge.at));
    if (!hold) throw new Violation('resolved once', `${id} is charged, and was never held`);
    this.charges.set(id, charge);
    if (charge.outcome !== 'voided')
      this.chargedByCall.set(this.invocations.get(hold.rq)!.call.number, this.time.now);
    if (charge.outcome === 'presumed_spent' && charge.isAfterwards) this.checkPresumed(id, charge.leaf, hold);
    const bill = this.forwarded.get(id) === charge.at ? this.billed.get(id) : undefined;
    const { used, outcome } = charge;
    const atLeast = bill && (bill.usd < hold.pu ? bill.usd : hold.pu);
    const isExact = outcome === 'settled' || outcome === 'overrun';
    const isRight =
      outcome === 'presumed_spent'
        ? used.u === hold.pu && used.t === hold.tk && used.r === 1n
        : isExact
          ? used.u === bill?.usd && used.t === bill.tokens && used.r === 1n
          : used.u === 0n && used.t === 0n && used.r === 0n;
    if (!isRight || (atLeast !== undefined && used.u < atLeast))
      throw new Violation(
        'charged the truth',
        `${id} is ${outcome} with ${used.u}, billed were ${bill?.usd}`,
      );
  }

  /** Nobody presumes a call spent that may still be running, or, while its leaf has room, before a day has passed. */
  private checkPresumed(id: string, pk: string, hold: HoldImage): void {
    const age = this.time.now - stampMs(hold.at) + 2 * this.skewMsMax;
    const wasCrowded = (this.versions.get(pk) ?? []).some(({ image }) => image.h.size >= HOLDS_MAX / 2);
    if (age < (wasCrowded ? SLOT_TIME_MS : HOLD_LIFETIME_MS))
      throw new Violation('charged the truth', `${id} is presumed spent after ${age} ms`);
  }

  // ---- refusals ----------------------------------------------------------------------------------------------

  /**
   * A denial is justified by a state that the leaf had during the attempt, in the window of the attempt, in which
   * an account could not pay. That the state is true is what `applied` has checked.
   */
  private judgeDenial(invocation: Invocation, outcome: ReserveOutcome & { kind: 'short' }): void {
    this.counts.denials += 1;
    const image = this.versionDuring(invocation, outcome.leaf.v);
    const fail = (what: string): never => {
      this.counts.falseDenials += 1;
      throw new Violation('denial justified', `call ${invocation.call.number}: ${what}`);
    };
    if (!image) return fail('the state that it names was not there during the attempt');
    if (outcome.caps.length === 0) return fail('no cap is named');
    const { amounts } = outcome.fit;
    const { wanted, floor } = invocation.call;
    if (amounts.u > wanted.usd || (floor === undefined && amounts.u < wanted.usd))
      fail('it asked for another amount');
    const clock = invocation.startedAt + (invocation.process.clock.now() - Math.floor(this.time.now));
    for (const cap of outcome.caps) {
      const account = image.a.get(cap.account);
      const amount = { usd: amounts.u, tokens: amounts.t, requests: 1n, concurrent: 1n }[cap.metric];
      if (!account || account.r < cap.revision) return fail(`${cap.account} stands at an older revision`);
      if (cap.metric !== 'concurrent' && account.k < keyAt(cap.window, clock))
        fail(`${cap.account} has not rolled`);
      const { block } = cap.thresholds;
      const isBlocked =
        cap.metric !== 'concurrent' &&
        block !== null &&
        block < 1000 &&
        account.s >= (account.l * BigInt(block) + 999n) / 1000n;
      if (account.f >= amount && !isBlocked) fail(`${cap.account} had ${account.f} of ${amount}`);
    }
  }

  /** As many calls in flight as a leaf takes, or a leaf that moved on as often as the attempt tried. */
  private judgeCrowded(invocation: Invocation, version: bigint): void {
    this.counts.throttles += 1;
    const image = this.versionDuring(invocation, version);
    if (image && image.h.size >= HOLDS_MAX) return;
    const versions = this.versions.get(invocation.call.caller.leaf.pk) ?? [];
    const moves = versions.filter(({ since }) => since >= invocation.startedAt).length;
    if (moves >= LOST_RACES_MIN || invocation.process.faultsMet > invocation.faultsBefore) return;
    throw new Violation(
      'throttle justified',
      `call ${invocation.call.number} is crowded out by ${moves} writes`,
    );
  }

  /** The image of that version, if it was the newest at some instant of the attempt. */
  private versionDuring(invocation: Invocation, version: bigint): LeafImage | undefined {
    const versions = this.versions.get(invocation.call.caller.leaf.pk) ?? [];
    const found = versions[Number(version) - 1];
    const next = versions[Number(version)];
    return found && (!next || next.since >= invocation.startedAt) ? found.image : undefined;
  }

  // ---- the end -----------------------------------------------------------------------------------------------

  /** Once faults have stopped and the collectors have been round: everything is resolved. */
  atRest(): void {
    for (const name of this.openHolds.keys()) throw new Violation('progress', `${name} is held for ever`);
    for (const [id, { at }] of this.charges) {
      if (this.debited.get(id) !== at)
        throw new Violation('resolved once', `the charge of ${id} settled nothing`);
    }
    for (const id of this.forwarded.keys()) {
      if (!this.debited.has(id))
        throw new Violation('charged the truth', `${id} was forwarded and never charged`);
    }
  }

  private latest(pk: string): LeafImage | undefined {
    return this.versions.get(pk)?.at(-1)?.image;
  }

  private truthOf(pk: string, account: string): AccountTruth {
    let leaf = this.truths.get(pk);
    if (!leaf) this.truths.set(pk, (leaf = new Map<string, AccountTruth>()));
    let truth = leaf.get(account);
    if (!truth) leaf.set(account, (truth = new AccountTruth()));
    return truth;
  }

  private revisionOf(account: string, revision: bigint): Cap {
    const cap = this.configuration.history.get(account)?.get(revision);
    if (!cap)
      throw new Violation('conservation', `${account} stands at revision ${revision}, which never was`);
    return cap;
  }
}

/** Turns of a reserve are few: so many writes of others at least lie between its first and its last. */
const LOST_RACES_MIN = 6;

const holdName = (id: string, at: bigint): string => `${id} ${at}`;
const limitOf = ({ limit, overage }: Cap): bigint => limit + overage;

/** `key.2` is tried after `key.1`, and that after `key`. */
function previousGeneration(id: string): string | undefined {
  const match = /^(.+)\.(\d+)$/.exec(id);
  if (!match) return undefined;
  return match[2] === '1' ? match[1] : `${match[1]}.${Number(match[2]) - 1}`;
}

function usedIn(truth: AccountTruth, account: AccountImage): bigint {
  if (!account.b) return truth.heldIn(account.k) + truth.settledIn(account.k);
  let used = 0n;
  for (const key of account.b.keys()) used += truth.heldIn(key) + truth.settledIn(key);
  return used;
}

function settledIn(truth: AccountTruth, account: AccountImage): bigint {
  if (!account.b) return truth.settledIn(account.k);
  let settled = 0n;
  for (const key of account.b.keys()) settled += truth.settledIn(key);
  return settled;
}

/** A bucket stays until all of it is outside, and then goes. */
function checkBuckets(
  truth: AccountTruth,
  account: AccountImage,
  { buckets, bucketMs }: { buckets: number; bucketMs: number },
  fail: (what: string) => never,
): void {
  const oldest = account.k - BigInt((buckets * bucketMs) / 1000);
  for (const [key, settled] of account.b ?? fail('has no buckets')) {
    if (key < oldest || key > account.k) fail(`keeps the bucket ${key}`);
    if (settled !== truth.settledIn(key))
      fail(`has settled ${settled} in ${key}, not ${truth.settledIn(key)}`);
  }
  for (const key of truth.keys())
    if (key >= oldest && key <= account.k && !account.b!.has(key)) fail(`has lost the bucket ${key}`);
}

/** A hold takes of every cap of the call, and exactly what the call asks for. */
function checkAmounts({ call, caps }: Invocation, id: string, hold: HoldImage): void {
  const least = call.floor ?? call.wanted.usd;
  const isFit = hold.pu <= call.wanted.usd && hold.pu >= least && hold.tk === call.wanted.tokens;
  const isComplete = hold.c.size === caps.length && caps.every(({ account }) => hold.c.has(account));
  if (!isFit || !isComplete)
    throw new Violation('conservation', `${id} holds ${hold.pu} in ${hold.c.size} accounts`);
  for (const { account, metric } of caps) {
    const amount = { usd: hold.pu, tokens: hold.tk, requests: 1n, concurrent: 1n }[metric];
    if (hold.c.get(account)!.n !== amount)
      throw new Violation('conservation', `${id} holds too little of ${account}`);
  }
}

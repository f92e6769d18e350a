/**
 * A reserve under one hold id. Each turn looks at the newest image of the leaf and either answers from it, or does the
 * one thing that is missing (read, prepare, draw, send the write) and looks again.
 */
import { epochMs, type EpochMs, type HoldId } from '../brands.ts';
import { isShared, type Cap } from '../caps/cap.ts';
import type { Clock, Table } from '../ports.ts';
import { amountFor, shortAccounts, type AmountByAccount } from './accounts.ts';
import type { Books } from './books.ts';
import type { Draws } from './draws.ts';
import { raiseFenceWrite, reserveWrite } from './expressions.ts';
import { isFirstLeaf, type Account, type Hold, type Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import type { Pools } from './pools.ts';
import {
  boundsOf,
  firstThinLease,
  holdOf,
  HOLDS_MAX,
  prepareFor,
  type Fit,
  type ReserveCall,
  type ReserveOnLeaf,
  type ReserveOutcome,
} from './reserve-call.ts';
import type { Settles } from './settles.ts';
import { newerOf, stampAfter } from './stamp.ts';

/** A reserve that lost this many races is throttled: the leaf is busier than one call can follow. */
const TURNS_MAX = 12;

export interface ReserveTurnsDeps {
  table: Table;
  clock: Clock;
  leaves: Leaves;
  pools: Pools;
  draws: Draws;
  settles: Settles;
}

/** A write that was sent, and what its hold was fitted to. */
interface Attempt {
  at: bigint;
  fit: Fit;
}

type Turn = ReserveOnLeaf | 'look_again';

export class ReserveTurns {
  private readonly deps: ReserveTurnsDeps;
  private readonly call: ReserveCall;
  private readonly id: HoldId;
  private pools = new Map<string, Account>();
  private image: Leaf | undefined;
  /** Read now, and after the pools: what goes home from its leases is then not counted twice. */
  private isFresh = false;
  private readonly attempts: Attempt[] = [];
  /** Copies of the attempts that may land yet. */
  private unanswered = 0;

  constructor(deps: ReserveTurnsDeps, call: ReserveCall, id: HoldId) {
    this.deps = deps;
    this.call = call;
    this.id = id;
  }

  /** Throws TableUnavailable. However it ends without a hold, by an error too: no lost attempt may still land. */
  async run(): Promise<ReserveOnLeaf> {
    await this.begin();
    let isHeld = false;
    try {
      const outcome = await this.untilDecided();
      isHeld = outcome.kind === 'held';
      return outcome;
    } finally {
      if (!isHeld && this.unanswered > 0) await this.makeLostAttemptsFail();
    }
  }

  private async begin(): Promise<void> {
    const { leaves, pools } = this.deps;
    const { leaf, caps } = this.call;
    const shared = caps.filter(isShared);
    const isKnown = leaves.known(leaf) !== undefined;
    [this.pools] = await Promise.all([pools.seenLately(shared), isKnown ? undefined : leaves.read(leaf)]);
    // As it is known now: a grant may have come meanwhile.
    this.image = leaves.known(leaf);
    this.isFresh = !isKnown && shared.length === 0;
  }

  private async untilDecided(): Promise<ReserveOnLeaf> {
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const outcome = await this.turn();
      if (outcome !== 'look_again') return outcome;
    }
    const { image } = this;
    return image ? { kind: 'crowded', leaf: image } : { kind: 'unavailable', reason: 'the leaf is gone' };
  }

  private async turn(): Promise<Turn> {
    const { image, call, pools } = this;
    const now = this.deps.clock.now();
    const standing = image?.h[this.id];
    if (image && standing) return this.holdStands(image, standing);
    if (!image || prepareFor(call, image, pools, now)) return this.prepare(now);
    const rates = call.rates({ leaf: image, pools });
    if (rates.length > 0 && !isFirstLeaf(call.leaf)) return { kind: 'elsewhere' };
    const caps = [...call.caps, ...rates];
    const fit = call.fit({ leaf: image, pools });
    const amounts = caps.map((cap) => ({ cap, amount: amountFor(cap, fit.amounts) }));
    const refusal = this.refusalBy(image, amounts, fit);
    // Nobody is refused, or given less of what others spend too, by an image that may be old.
    const isLessForOthers = fit.isLowered && pools.size > 0;
    if (!this.isFresh && (refusal || isLessForOthers)) return this.look(await this.read());
    if (refusal) return refusal;
    const thin = firstThinLease(image, pools, amounts, now);
    return thin ? this.draw(thin) : this.send({ ...call, caps }, image, fit, now);
  }

  /** By an attempt of this call whose answer was lost, or by another request with the same key. */
  private async holdStands(image: Leaf, hold: Hold): Promise<Turn> {
    const mine = this.attempts.find(({ at }) => at === hold.at);
    if (mine) return this.held(image, hold, mine.fit);
    return this.isFresh ? { kind: 'in_flight', hold } : this.look(await this.read());
  }

  private refusalBy(
    image: Leaf,
    amounts: readonly AmountByAccount[],
    fit: Fit,
  ): Extract<ReserveOutcome, { kind: 'short' | 'crowded' }> | undefined {
    const short = shortAccounts(image, amounts).map(({ cap }) => cap);
    if (short.length > 0) return { kind: 'short', caps: short, books: this.booksWith(image), fit };
    return Object.keys(image.h).length >= HOLDS_MAX ? { kind: 'crowded', leaf: image } : undefined;
  }

  // ---- what a turn does --------------------------------------------------------------------------------------

  private look(image: Leaf | undefined): 'look_again' {
    this.image = image;
    this.isFresh = true;
    return 'look_again';
  }

  private read(): Promise<Leaf | undefined> {
    return this.deps.leaves.read(this.call.leaf);
  }

  private async prepare(now: EpochMs): Promise<'look_again'> {
    const { call, pools } = this;
    const next = (current: Leaf): Leaf | undefined => prepareFor(call, current, pools, now);
    return this.look(await this.deps.leaves.change(call.leaf, next));
  }

  private async draw(cap: Cap): Promise<Turn> {
    const { call, pools } = this;
    const wanted = (books: Books) => {
      const { amounts, smallest } = call.fit(books);
      return { asked: amountFor(cap, amounts), smallest: amountFor(cap, smallest) };
    };
    const { kind, leaf } = await this.deps.draws.draw({ leaf: call.leaf, cap, pools, wanted });
    if (kind === 'drawn') return this.look(leaf);
    const books = this.booksWith(leaf);
    const fit = call.fit(books);
    return kind === 'short' ? { kind, caps: [cap], books, fit } : { kind, cap, books, fit };
  }

  /** `call` has the rates among its caps. */
  private async send(call: ReserveCall, image: Leaf, fit: Fit, now: EpochMs): Promise<Turn> {
    const { id } = this;
    const at = stampAfter(now, newerOf(image.t, this.attempts.at(-1)?.at ?? 0n), call.nonce);
    this.attempts.push({ at, fit });
    const hold = holdOf(call, fit, image, at, now);
    const bounds = boundsOf(call.caps, image);
    const write = await this.deps.table.update(reserveWrite(call.leaf, id, hold, bounds));
    this.unanswered += write.unanswered;
    if (write.kind === 'unavailable') return { kind: 'unavailable', reason: write.reason };
    const after = write.item && this.deps.leaves.seen(write.item);
    return write.kind === 'applied' ? this.held(after!, after!.h[id]!, fit) : this.look(after);
  }

  // ---- how it ends -------------------------------------------------------------------------------------------

  private booksWith(leaf: Leaf): Books {
    return { leaf, pools: this.pools };
  }

  private held(leaf: Leaf, hold: Hold, fit: Fit): ReserveOutcome {
    const fence = this.unanswered > 0 ? this.newest : 0n;
    const admittedAt = epochMs(Number(hold.i.ts));
    const call = { id: this.id, leaf: this.call.leaf, at: hold.at, fence, hold, admittedAt };
    return { kind: 'held', call, books: this.booksWith(leaf), fit };
  }

  private async makeLostAttemptsFail(): Promise<void> {
    const { table, leaves, settles } = this.deps;
    const { leaf } = this.call;
    const write = await table.update(raiseFenceWrite(leaf, this.newest));
    if (write.kind === 'unavailable') return; // the hold, if it lands, is presumed spent in a day: against spending
    const hold = write.item && leaves.seen(write.item).h[this.id];
    if (hold && this.attempts.some(({ at }) => at === hold.at)) {
      await settles.voidUnsent({ leaf, id: this.id, at: hold.at, fence: this.newest });
    }
  }

  private get newest(): bigint {
    return this.attempts.at(-1)!.at;
  }
}

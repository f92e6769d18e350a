/**
 * The ledger's operations over the table: reserve, finish (charge, then settle) and void. The rules stand in
 * accounts.ts, the writes in expressions.ts, what a shared cap needs before a reserve in draws.ts.
 */
import type { HoldId } from '../brands.ts';
import { isShared, type Cap } from '../caps/cap.ts';
import { TableUnavailable, type Clock, type Ids, type ItemKey, type Table } from '../ports.ts';
import { generationOf } from '../request-ids.ts';
import { amountFor, prepareLeaf, shortAccounts, withGrant, type Grant } from './accounts.ts';
import type { Books } from './books.ts';
import { chargeFromItem, chargeKey, chargeToItem, NOTHING_USED, type Charge } from './charge.ts';
import { putIfAbsent, raiseFenceWrite, reserveWrite, settleWrite } from './expressions.ts';
import { Draws } from './draws.ts';
import { Folds } from './folds.ts';
import { Leaves } from './leaves.ts';
import { Pools } from './pools.ts';
import { readBooks } from './read-books.ts';
import type { Amounts, HeldCall, Leaf } from './leaf.ts';
import {
  boundsOf,
  firstThinLease,
  heldOutcome,
  holdOf,
  HOLDS_MAX,
  type Fit,
  type ReserveCall,
  type ReserveOutcome,
} from './reserve-call.ts';
import { completeDenial } from './shared-denial.ts';
import { stampAfter } from './stamp.ts';
import { Turns } from './turns.ts';

/** Turns of a loop that lost a race; each turn starts from a newer image, so this is a bound, not a budget. */
const TURNS_MAX = 40;
/** A reserve that lost this many races is throttled: the leaf is busier than one call can follow. */
const RESERVE_TURNS_MAX = 12;
/** How often one idempotency key may meet a voided charge before it is refused as in flight. */
const GENERATIONS_MAX = 20;
/**
 * Reserves of one leaf that one process sends at a time. They would only refuse each other: the item takes its
 * writes one after the other anyway.
 */
const RESERVES_AT_ONCE = 4;

export interface Finished {
  /** The charge that stands, which may be one that another process wrote first. */
  charge: Charge;
  /** The leaf after the settle; undefined when that must be finished later. */
  leaf: Leaf | undefined;
}

export class Ledger {
  readonly leaves: Leaves;
  readonly pools: Pools;
  readonly folds: Folds;
  private readonly draws: Draws;
  private readonly turns = new Turns(RESERVES_AT_ONCE);
  private readonly table: Table;
  private readonly clock: Clock;

  constructor(deps: { table: Table; clock: Clock; ids: Ids }) {
    this.table = deps.table;
    this.clock = deps.clock;
    this.leaves = new Leaves(deps);
    this.pools = new Pools({ ...deps, leaves: this.leaves });
    this.folds = new Folds({ pools: this.pools, leaves: this.leaves });
    this.draws = new Draws({ ...deps, leaves: this.leaves, pools: this.pools });
  }

  /** Reads a charge, strongly consistent. Throws TableUnavailable. */
  async readCharge(id: HoldId): Promise<Charge | undefined> {
    const item = await this.table.get(chargeKey(id));
    return item && chargeFromItem(item);
  }

  /** The books as they stand now for these caps, as the next call will find them. Throws TableUnavailable. */
  async books(key: ItemKey | undefined, caps: readonly Cap[]): Promise<Books> {
    const { leaf, pools } = await readBooks(this, key, caps.filter(isShared));
    return { leaf: prepareLeaf(leaf, caps, this.clock.now()) ?? leaf, pools };
  }

  /**
   * Approved overage: raises the limit of the cap's account (of its pool, for a shared one) until it expires or its
   * window rolls. A repeat changes nothing. Throws TableUnavailable.
   */
  async grant(cap: Cap, key: ItemKey, grant: Grant): Promise<void> {
    const now = this.clock.now();
    if (isShared(cap)) {
      await this.pools.change(cap, (pool) => withGrant(pool, grant, now));
      return;
    }
    await this.leaves.change(key, (leaf) => {
      const current = prepareLeaf(leaf, [cap], now) ?? leaf;
      const account = withGrant(current.a[cap.account]!, grant, now);
      return account && { ...current, a: { ...current.a, [cap.account]: account } };
    });
  }

  // ---- reserve ---------------------------------------------------------------------------------------------

  /**
   * Deducts the call's worst case from every account of its caps in one conditional write. Afterwards either
   * the hold stands, or it never will: an attempt whose answer was lost cannot land later.
   */
  async reserve(call: ReserveCall): Promise<ReserveOutcome> {
    try {
      const outcome = await this.turns.take(call.leaf.pk, () => this.reserveOnce(call));
      const isDenial = outcome.kind === 'short' || outcome.kind === 'undecided';
      return isDenial ? await completeDenial(this, call, outcome) : outcome;
    } catch (error) {
      if (error instanceof TableUnavailable) return { kind: 'unavailable', reason: error.message };
      throw error;
    }
  }

  private async reserveOnce(call: ReserveCall): Promise<ReserveOutcome> {
    if (call.bodyHash === undefined) return this.reserveAs(call, call.id);
    for (let generation = 0; generation < GENERATIONS_MAX; generation += 1) {
      const id = generationOf(call.id, generation);
      const outcome = await this.reserveAs(call, id);
      const voided = await this.recordedBefore(id, outcome);
      if (voided !== 'voided') return voided;
    }
    return { kind: 'unavailable', reason: 'too many voided calls under one idempotency key' };
  }

  /**
   * A charge under the id decides, whether or not the reserve passed: an earlier request with this key was
   * charged (answer that) or voided (take the next generation).
   */
  private async recordedBefore(id: HoldId, outcome: ReserveOutcome): Promise<ReserveOutcome | 'voided'> {
    let charge: Charge | undefined;
    try {
      charge = await this.readCharge(id);
    } catch (error) {
      if (outcome.kind === 'held') await this.voidUnsent(outcome.call);
      throw error;
    }
    if (!charge) return outcome;
    if (outcome.kind === 'held') await this.voidUnsent(outcome.call);
    return charge.outcome === 'voided' ? 'voided' : { kind: 'recorded', charge };
  }

  private async reserveAs(call: ReserveCall, id: HoldId): Promise<ReserveOutcome> {
    const attempts: Attempt[] = [];
    let unanswered = 0;
    const shared = call.caps.filter(isShared);
    const cached = this.leaves.known(call.leaf);
    const [pools, first] = await Promise.all([
      this.pools.seenLately(shared),
      cached ?? this.leaves.read(call.leaf),
    ]);
    let image = first;
    /** Read now, and after the pools: what goes home from its leases is then not counted twice. */
    let isFresh = cached === undefined && shared.length === 0;

    const refresh = async (): Promise<void> => {
      image = await this.leaves.read(call.leaf);
      isFresh = true;
    };

    const turns = async (): Promise<ReserveOutcome> => {
      for (let turn = 0; turn < RESERVE_TURNS_MAX; turn += 1) {
        const now = this.clock.now();
        const known = image?.h[id];
        if (image && known) {
          const mine = attempts.find(({ at }) => at === known.at);
          const fence = unanswered > 0 ? attempts.at(-1)!.at : 0n;
          if (mine) return heldOutcome(call, id, known, { leaf: image, pools }, mine.fit, fence);
          if (isFresh) return { kind: 'in_flight', hold: known };
          await refresh();
          continue;
        }
        if (!image || prepareLeaf(image, call.caps, now)) {
          image = await this.leaves.change(call.leaf, (leaf) => prepareLeaf(leaf, call.caps, now));
          isFresh = true;
          continue;
        }
        const fit = call.fit({ leaf: image, pools });
        const amounts = call.caps.map((cap) => ({ cap, amount: amountFor(cap, fit.amounts) }));
        const short = shortAccounts(image, amounts);
        const crowded = Object.keys(image.h).length >= HOLDS_MAX;
        // Nobody is refused, or given less of what others spend too, by an image that may be old.
        if (!isFresh && (short.length > 0 || crowded || (fit.isLowered && shared.length > 0))) {
          await refresh();
          continue;
        }
        if (short.length > 0 || crowded) {
          if (short.length === 0) return { kind: 'crowded', leaf: image };
          const caps = short.map(({ cap }) => cap);
          return { kind: 'short', caps, books: { leaf: image, pools }, fit };
        }
        const thin = firstThinLease(image, pools, amounts, now);
        if (thin) {
          const wanted = (books: Books) => {
            const { amounts, smallest } = call.fit(books);
            return { asked: amountFor(thin, amounts), smallest: amountFor(thin, smallest) };
          };
          const drawn = await this.draws.draw({ leaf: call.leaf, cap: thin, pools, wanted });
          if (drawn.kind !== 'drawn') {
            const books = { leaf: drawn.leaf, pools };
            const fit = call.fit(books);
            return drawn.kind === 'short'
              ? { kind: 'short', caps: [thin], books, fit }
              : { kind: 'undecided', cap: thin, books, fit };
          }
          image = drawn.leaf;
          isFresh = true;
          continue;
        }
        const at = stampAfter(now, maxOf(image.t, attempts.at(-1)?.at ?? 0n), call.nonce);
        attempts.push({ at, fit });
        const hold = holdOf(call, fit, image, at, now);
        const write = await this.table.update(reserveWrite(call.leaf, id, hold, boundsOf(call.caps, image)));
        unanswered += write.unanswered;
        if (write.kind === 'unavailable') return { kind: 'unavailable', reason: write.reason };
        if (write.kind === 'applied') {
          image = this.leaves.seen(write.item);
          return heldOutcome(call, id, image.h[id]!, { leaf: image, pools }, fit, unanswered > 0 ? at : 0n);
        }
        image = write.item && this.leaves.seen(write.item);
        isFresh = true;
      }
      return image ? { kind: 'crowded', leaf: image } : { kind: 'unavailable', reason: 'the leaf is gone' };
    };

    let isHeld = false;
    try {
      const outcome = await turns();
      isHeld = outcome.kind === 'held';
      return outcome;
    } finally {
      // However it leaves without a hold, by an error too: no attempt whose answer was lost may still land.
      if (!isHeld && unanswered > 0) await this.makeLostAttemptsFail(call.leaf, id, attempts);
    }
  }

  private async makeLostAttemptsFail(key: ItemKey, id: HoldId, attempts: readonly Attempt[]): Promise<void> {
    const newest = attempts.at(-1)!.at;
    const write = await this.table.update(raiseFenceWrite(key, newest));
    if (write.kind === 'unavailable') return; // the hold, if it lands, is presumed spent in a day: against spending
    const hold = write.item && this.leaves.seen(write.item).h[id];
    if (hold && attempts.some(({ at }) => at === hold.at)) {
      await this.settle(key, id, hold.at, NOTHING_USED, newest);
    }
  }

  /** Gives a hold back without a charge. Only for the invocation that made it, and only before forwarding. */
  async voidUnsent(call: HeldCall): Promise<void> {
    await this.settle(call.leaf, call.id, call.at, NOTHING_USED, call.fence);
  }

  // ---- charge and settle -----------------------------------------------------------------------------------

  /**
   * Writes the charge and settles the leaf from it. If another process charged the call first, its charge
   * stands and is settled; if that one charged another generation of the id, this hold is void.
   * Throws TableUnavailable when the charge could not be written: the hold stands, and a repeat is harmless.
   */
  async finish(charge: Charge, leaf: ItemKey): Promise<Finished> {
    const write = await this.table.put(putIfAbsent(chargeToItem(charge)));
    if (write.kind === 'unavailable') throw new TableUnavailable(write.reason);
    const standing = write.kind === 'applied' ? charge : chargeFromItem(write.item!);
    const isMine = standing.at === charge.at;
    const fence = maxOf(charge.fence, isMine ? standing.fence : 0n);
    const used = isMine ? standing.used : NOTHING_USED;
    return { charge: standing, leaf: await this.settle(leaf, charge.id, charge.at, used, fence) };
  }

  /**
   * Settles a hold from a charge that stands already. One that the charge does not name is void: nobody knows what
   * of its reserve is still under way, so the fence rises to `fence`.
   */
  async settleFrom(
    charge: Charge,
    leaf: ItemKey,
    { at, fence }: { at: bigint; fence: bigint },
  ): Promise<Leaf | undefined> {
    const isNamed = charge.at === at;
    const used = isNamed ? charge.used : NOTHING_USED;
    return this.settle(leaf, charge.id, at, used, isNamed ? charge.fence : fence);
  }

  /**
   * Returns the leaf without the hold, whoever settled it; undefined when the table could not be reached (then
   * whoever comes next settles from the charge, the collector at the latest).
   */
  private async settle(
    key: ItemKey,
    id: HoldId,
    at: bigint,
    used: Amounts,
    fence: bigint,
  ): Promise<Leaf | undefined> {
    try {
      return await this.settleOnce(key, id, at, used, fence);
    } catch (error) {
      if (error instanceof TableUnavailable) return undefined;
      throw error;
    }
  }

  private async settleOnce(
    key: ItemKey,
    id: HoldId,
    at: bigint,
    used: Amounts,
    fence: bigint,
  ): Promise<Leaf | undefined> {
    let image = this.leaves.known(key);
    // Under the same id another may have held before: a remembered image says nothing of this hold then.
    if (image?.h[id]?.at !== at) image = await this.leaves.read(key);
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const hold = image?.h[id];
      if (!image || hold?.at !== at) return image;
      const write = await this.table.update(settleWrite(key, id, image, hold, used, fence));
      if (write.kind === 'unavailable') return undefined;
      if (write.kind === 'applied') return this.leaves.seen(write.item);
      image = write.item && this.leaves.seen(write.item);
    }
    return undefined;
  }
}

interface Attempt {
  at: bigint;
  fit: Fit;
}

const maxOf = (a: bigint, b: bigint): bigint => (a > b ? a : b);

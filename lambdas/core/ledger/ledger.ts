/** The ledger: everything that is done to the books, over the table. Rules: accounts.ts; writes: expressions.ts. */
import type { HoldId } from '../brands.ts';
import { isShared, type Cap } from '../caps/cap.ts';
import type { Clock, Ids, ItemKey, Table } from '../ports.ts';
import { prepareLeaf, withGrant, type Grant } from './accounts.ts';
import type { Books } from './books.ts';
import type { Charge } from './charge.ts';
import { Folds } from './folds.ts';
import type { HeldCall, Leaf } from './leaf.ts';
import { Leaves } from './leaves.ts';
import { Pools } from './pools.ts';
import { readBooks } from './read-books.ts';
import type { ReserveCall, ReserveOutcome } from './reserve-call.ts';
import { Reserves } from './reserves.ts';
import { Settles, type Finished } from './settles.ts';

export class Ledger {
  readonly leaves: Leaves;
  readonly pools: Pools;
  readonly folds: Folds;
  private readonly settles: Settles;
  private readonly reserves: Reserves;
  private readonly clock: Clock;

  constructor(deps: { table: Table; clock: Clock; ids: Ids }) {
    this.clock = deps.clock;
    this.leaves = new Leaves(deps);
    this.pools = new Pools({ ...deps, leaves: this.leaves });
    this.folds = new Folds(this);
    this.settles = new Settles({ table: deps.table, leaves: this.leaves });
    const { leaves, pools, folds, settles } = this;
    this.reserves = new Reserves({ ...deps, leaves, pools, folds, settles });
  }

  /**
   * Deducts the call's worst case from every account of its caps in one conditional write. Afterwards either
   * the hold stands, or it never will: an attempt whose answer was lost cannot land later.
   */
  reserve(call: ReserveCall): Promise<ReserveOutcome> {
    return this.reserves.reserve(call);
  }

  /** Gives a hold back without a charge. Only for the invocation that made it, and only before forwarding. */
  voidUnsent(call: HeldCall): Promise<void> {
    return this.settles.voidUnsent(call);
  }

  /** Writes the charge, or finds the one that stands, and settles the leaf from it. Throws TableUnavailable. */
  finish(charge: Charge, leaf: ItemKey): Promise<Finished> {
    return this.settles.finish(charge, leaf);
  }

  /** Settles a hold from a charge that stands already. */
  settleFrom(charge: Charge, leaf: ItemKey, hold: { at: bigint; fence: bigint }): Promise<Leaf | undefined> {
    return this.settles.settleFrom(charge, leaf, hold);
  }

  /** Reads a charge, strongly consistent. Throws TableUnavailable. */
  readCharge(id: HoldId): Promise<Charge | undefined> {
    return this.settles.readCharge(id);
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
    if (isShared(cap)) {
      await this.pools.change(cap, (pool) => withGrant(pool, grant, this.clock.now()));
      return;
    }
    await this.leaves.change(key, (leaf) => {
      const now = this.clock.now();
      const current = prepareLeaf(leaf, [cap], now) ?? leaf;
      const account = withGrant(current.a[cap.account]!, grant, now);
      return account && { ...current, a: { ...current.a, [cap.account]: account } };
    });
  }
}

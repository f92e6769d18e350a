/** How a hold ends: its charge is written, then its leaf is settled from that; or it is given back before forwarding. */
import type { HoldId } from '../brands.ts';
import { TableUnavailable, type ItemKey, type Table } from '../ports.ts';
import { chargeFromItem, chargeKey, chargeToItem, NOTHING_USED, type Charge } from './charge.ts';
import { putIfAbsent, settleWrite } from './expressions.ts';
import type { Amounts, HeldCall, Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import { newerOf } from './stamp.ts';

/** Turns of a settle that lost a race; each turn starts from a newer image, so this is a bound, not a budget. */
const TURNS_MAX = 40;

export interface Finished {
  /** The charge that stands, which may be one that another process wrote first. */
  charge: Charge;
  /** The leaf after the settle; undefined when that must be finished later. */
  leaf: Leaf | undefined;
}

export class Settles {
  private readonly table: Table;
  private readonly leaves: Leaves;

  constructor({ table, leaves }: { table: Table; leaves: Leaves }) {
    this.table = table;
    this.leaves = leaves;
  }

  /** Reads a charge, strongly consistent. Throws TableUnavailable. */
  async readCharge(id: HoldId): Promise<Charge | undefined> {
    const item = await this.table.get(chargeKey(id));
    return item && chargeFromItem(item);
  }

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
    const fence = newerOf(charge.fence, isMine ? standing.fence : 0n);
    const used = isMine ? standing.used : NOTHING_USED;
    return { charge: standing, leaf: await this.settle(leaf, { id: charge.id, at: charge.at, fence }, used) };
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
    return this.settle(leaf, { id: charge.id, at, fence: isNamed ? charge.fence : fence }, used);
  }

  /** Gives a hold back without a charge. Only for the invocation that made it, and only before forwarding. */
  async voidUnsent(call: Pick<HeldCall, 'leaf' | 'id' | 'at' | 'fence'>): Promise<void> {
    await this.settle(call.leaf, call, NOTHING_USED);
  }

  /**
   * Returns the leaf without the hold, whoever settled it; undefined when the table could not be reached (then
   * whoever comes next settles from the charge, the collector at the latest).
   */
  private async settle(key: ItemKey, hold: HoldToSettle, used: Amounts): Promise<Leaf | undefined> {
    try {
      return await this.settleOnce(key, hold, used);
    } catch (error) {
      if (error instanceof TableUnavailable) return undefined;
      throw error;
    }
  }

  private async settleOnce(
    key: ItemKey,
    { id, at, fence }: HoldToSettle,
    used: Amounts,
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

interface HoldToSettle {
  id: HoldId;
  at: bigint;
  fence: bigint;
}

/** Leaves as this process knows them: read strongly, changed at their version, the newest image kept. */
import QuickLRU from 'quick-lru';
import { durationMs } from '../brands.ts';
import {
  TableUnavailable,
  isApplied,
  type Clock,
  type Ids,
  type Item,
  type ItemKey,
  type Table,
} from '../ports.ts';
import { putAtVersion } from './expressions.ts';
import { leafFromItem, leafListEntry, leafToItem, newLeaf, type Leaf } from './leaf.ts';
import { LeasesSeen } from './leases-seen.ts';

const LEAVES_CACHED_MAX = 10_000;
/** Turns of a change that lost a race; each turn starts from a newer image, so this is a bound, not a budget. */
const TURNS_MAX = 40;

export class Leaves {
  readonly leases = new LeasesSeen();
  private readonly images = new QuickLRU<string, Leaf>({ maxSize: LEAVES_CACHED_MAX });
  private readonly table: Table;
  private readonly clock: Clock;
  private readonly ids: Ids;

  constructor({ table, clock, ids }: { table: Table; clock: Clock; ids: Ids }) {
    this.table = table;
    this.clock = clock;
    this.ids = ids;
  }

  /** The newest image that this process has seen, which may be old. */
  known(key: ItemKey): Leaf | undefined {
    return this.images.get(key.pk);
  }

  /** Strongly consistent. Throws TableUnavailable, LedgerBroken. */
  async read(key: ItemKey): Promise<Leaf | undefined> {
    const item = await this.table.get(key);
    return item && this.seen(item);
  }

  /** Takes note of an item that came back with a write. Images only rise: one that was overtaken replaces no newer one. */
  seen(item: Item): Leaf {
    const leaf = leafFromItem(item);
    const known = this.images.get(leaf.pk);
    if (!known || known.v <= leaf.v) {
      this.images.set(leaf.pk, leaf);
      this.leases.note(leaf);
    }
    return leaf;
  }

  /** Reads the leaf, computes its next state, writes it at its version; again if someone was faster. */
  async change(key: ItemKey, next: (leaf: Leaf) => Leaf | undefined): Promise<Leaf> {
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const old = await this.read(key);
      // Before anything is computed: what the next state says of now must not wait for another write.
      if (!old) await this.list(key);
      const base = old ?? newLeaf(key);
      const changed = next(base) ?? (old ? undefined : base);
      if (!changed) return base;
      const write = await this.table.put(putAtVersion(leafToItem(changed), old));
      if (write.kind === 'unavailable') throw new TableUnavailable(write.reason);
      if (write.kind === 'applied') return this.seen(write.item);
      await this.clock.sleep(durationMs(Number(this.ids.randomBits(4)) * Math.min(turn, 3)));
    }
    throw new TableUnavailable(`the leaf ${key.pk} did not come to rest`);
  }

  /** Before the leaf stands, so that the collector finds whatever has holds. */
  private async list(key: ItemKey): Promise<void> {
    isApplied(await this.table.put({ item: leafListEntry(key) }));
  }
}

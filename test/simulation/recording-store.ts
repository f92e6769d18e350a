/**
 * The engine's store, with a record of what each operation changed, for the auditor and the stream. Items are
 * kept as they are: the engine never changes one in place, so an unchanged part of an item stays the same object.
 */
import { compareText, type StoredItem } from '../../lambdas/adapters/table/local/attribute-values.ts';
import {
  indexKeysOf,
  type ItemStore,
  type Key,
  type Range,
} from '../../lambdas/adapters/table/local/store.ts';

export interface Change {
  pk: string;
  sk: string;
  old: StoredItem | undefined;
  next: StoredItem | undefined;
}

export class RecordingStore implements ItemStore {
  private readonly partitions = new Map<string, Map<string, StoredItem>>();
  private changes: Change[] = [];

  private readonly replaced = new Map<string, { item: StoredItem | undefined; until: number }>();

  /** What changed since it was last asked. */
  takeChanges(now: number): Change[] {
    const taken = this.changes;
    if (taken.length > 0) this.changes = [];
    for (const { pk, sk, old } of taken) this.replaced.set(`${pk} ${sk}`, { item: old, until: now });
    return taken;
  }

  /** What an item was before its last change, and until when. */
  before(pk: string, sk: string): { item: StoredItem | undefined; until: number } | undefined {
    return this.replaced.get(`${pk} ${sk}`);
  }

  get({ pk, sk }: Key): StoredItem | undefined {
    return this.partitions.get(pk)?.get(sk);
  }

  put({ pk, sk }: Key, item: StoredItem): void {
    let partition = this.partitions.get(pk);
    if (!partition) this.partitions.set(pk, (partition = new Map<string, StoredItem>()));
    this.changes.push({ pk, sk, old: partition.get(sk), next: item });
    partition.set(sk, item);
  }

  delete({ pk, sk }: Key): void {
    const old = this.get({ pk, sk });
    if (!old) return;
    this.changes.push({ pk, sk, old, next: undefined });
    this.partitions.get(pk)!.delete(sk);
  }

  read(range: Range, limit: number): StoredItem[] {
    const places = range.of === 'table' ? this.tablePlaces(range) : this.indexPlaces(range);
    places.sort((a, b) => comparePlaces(a.place, b.place));
    if (range.descending) places.reverse();
    return places.slice(0, limit).map(({ item }) => item);
  }

  *all(): Generator<StoredItem> {
    for (const partition of this.partitions.values()) yield* partition.values();
  }

  private tablePlaces({ partition, lower, upper, after, descending }: Range): Placed[] {
    const placed: Placed[] = [];
    const names = partition === undefined ? this.partitions.keys() : [partition];
    for (const pk of names) {
      for (const [sk, item] of this.partitions.get(pk) ?? []) {
        const place = [pk, sk];
        if (isWithin(sk, lower, upper) && isPast(place, after && [after.pk, after.sk], descending))
          placed.push({ place, item });
      }
    }
    return placed;
  }

  private indexPlaces({ partition, lower, upper, after, descending }: Range): Placed[] {
    const placed: Placed[] = [];
    for (const item of this.all()) {
      const keys = indexKeysOf(item);
      if (!keys || keys.gpk !== partition || !isWithin(keys.gsk, lower, upper)) continue;
      const place = [keys.gsk, item['pk']!.S!, item['sk']!.S!];
      if (isPast(place, after && [after.gsk, after.pk, after.sk], descending)) placed.push({ place, item });
    }
    return placed;
  }
}

interface Placed {
  place: string[];
  item: StoredItem;
}

function isWithin(text: string, lower: Range['lower'], upper: Range['upper']): boolean {
  const above = lower ? compareText(text, lower.text) : 1;
  const below = upper ? compareText(text, upper.text) : -1;
  return (
    (above > 0 || (above === 0 && lower?.inclusive !== false)) &&
    (below < 0 || (below === 0 && upper?.inclusive !== false))
  );
}

function isPast(place: string[], after: string[] | undefined, descending: boolean): boolean {
  if (!after) return true;
  const order = comparePlaces(place, after);
  return descending ? order < 0 : order > 0;
}

function comparePlaces(a: string[], b: string[]): number {
  for (let i = 0; i < a.length; i += 1) {
    const order = compareText(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** Items in sorted arrays: nothing to clean up, and fast enough for a hundred thousand of them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../core/ports.ts';
import type { DynamoDbApi } from '../dynamodb-api.ts';
import { compareText, type StoredItem } from './attribute-values.ts';
import { Engine } from './engine.ts';
import { indexKeysOf, type ItemStore, type Key, type Range } from './store.ts';

/** The engine in memory. An operation is done before its call returns; only its answer is a promise. */
export function openMemoryEngine({ clock }: { clock: Clock }): DynamoDbApi {
  const engine = new Engine(new MemoryStore(), clock);
  return {
    updateItem: async (input) => engine.updateItem(input),
    putItem: async (input) => engine.putItem(input),
    deleteItem: async (input) => engine.deleteItem(input),
    getItem: async (input) => engine.getItem(input),
    query: async (input) => inNextTurn(engine.query(input)),
    scan: async (input) => inNextTurn(engine.scan(input)),
    transactWriteItems: async (input) => engine.transactWriteItems(input),
  };
}

/** A list has many pages, and calls must not wait for all of them. */
async function inNextTurn<T>(page: T): Promise<T> {
  await nextTurn();
  return page;
}

/** Compared part by part: (pk, sk) in the table, (gpk, gsk, pk, sk) in the index. */
type Place = readonly string[];

export class MemoryStore implements ItemStore {
  /**
   * As DynamoDB's JSON text: a hundred thousand items of sixty objects each would be what the garbage collector
   * does all day, in pauses that calls feel.
   */
  readonly #items = new Map<string, string>();
  readonly #places = { table: new SortedPlaces(), byTime: new SortedPlaces() };

  get(key: Key): StoredItem | undefined {
    return this.#item(idOf(key));
  }

  put(key: Key, item: StoredItem): void {
    const id = idOf(key);
    const old = this.#item(id);
    this.#items.set(id, JSON.stringify(item));
    if (!old) this.#places.table.add([key.pk, key.sk]);
    this.#reindex(key, old, item);
  }

  delete(key: Key): void {
    const id = idOf(key);
    const old = this.#item(id);
    if (!old) return;
    this.#items.delete(id);
    this.#places.table.remove([key.pk, key.sk]);
    this.#reindex(key, old, undefined);
  }

  read(range: Range, limit: number): StoredItem[] {
    return this.#places[range.of].read(range, limit).map((place) => {
      const [pk, sk] = place.slice(-2) as [string, string];
      return this.#item(idOf({ pk, sk }))!;
    });
  }

  #item(id: string): StoredItem | undefined {
    const text = this.#items.get(id);
    return text === undefined ? undefined : (JSON.parse(text) as StoredItem);
  }

  #reindex({ pk, sk }: Key, old: StoredItem | undefined, next: StoredItem | undefined): void {
    const before = old && indexKeysOf(old);
    const after = next && indexKeysOf(next);
    if (before && before.gpk === after?.gpk && before.gsk === after.gsk) return;
    if (before) this.#places.byTime.remove([before.gpk, before.gsk, pk, sk]);
    if (after) this.#places.byTime.add([after.gpk, after.gsk, pk, sk]);
  }
}

const idOf = ({ pk, sk }: Key): string => `${pk.length}:${pk}${sk}`;

class SortedPlaces {
  readonly #places: Place[] = [];

  add(place: Place): void {
    this.#places.splice(this.#firstNotBefore(place), 0, place);
  }

  remove(place: Place): void {
    this.#places.splice(this.#firstNotBefore(place), 1);
  }

  read(range: Range, limit: number): Place[] {
    let from = range.partition === undefined ? 0 : this.#firstNotBefore([range.partition]);
    let to = range.partition === undefined ? this.#places.length : this.#firstAfter([range.partition]);
    if (range.partition !== undefined && range.lower) {
      const bound = [range.partition, range.lower.text];
      from = range.lower.inclusive ? this.#firstNotBefore(bound) : this.#firstAfter(bound);
    }
    if (range.partition !== undefined && range.upper) {
      const bound = [range.partition, range.upper.text];
      to = range.upper.inclusive ? this.#firstAfter(bound) : this.#firstNotBefore(bound);
    }
    if (range.after) {
      const { pk, sk, gsk } = range.after;
      const place = range.of === 'table' ? [pk, sk] : [range.partition!, gsk, pk, sk];
      if (range.descending) to = Math.min(to, this.#firstNotBefore(place));
      else from = Math.max(from, this.#firstAfter(place));
    }
    if (to <= from) return [];
    if (!range.descending) return this.#places.slice(from, Math.min(to, from + limit));
    return this.#places.slice(Math.max(from, to - limit), to).reverse();
  }

  #firstNotBefore(place: Place): number {
    return this.#search((candidate) => comparePlaces(candidate, place) < 0);
  }

  /** Past every place that begins like `place`. */
  #firstAfter(place: Place): number {
    return this.#search((candidate) => comparePlaces(candidate.slice(0, place.length), place) <= 0);
  }

  #search(isBefore: (place: Place) => boolean): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.#places[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A place that another one begins with comes before it. */
function comparePlaces(a: Place, b: Place): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const order = compareText(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

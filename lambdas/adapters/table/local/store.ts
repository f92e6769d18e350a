/** What the engine needs of a store: items by key, in order, in the table and in its one index. */
import type { StoredItem } from './attribute-values.ts';

export interface Key {
  pk: string;
  sk: string;
}

export interface ItemStore {
  get(key: Key): StoredItem | undefined;
  put(key: Key, item: StoredItem): void;
  delete(key: Key): void;
  /** At most `limit` items of the range, in its order. */
  read(range: Range, limit: number): StoredItem[];
}

export interface Bound {
  text: string;
  inclusive: boolean;
}

/** In order of UTF-8 bytes: of (pk, sk) in the table, of (gsk, pk, sk) in a partition of the index. */
export interface Range {
  of: 'table' | 'byTime';
  /** Without one: every item of the table. */
  partition: string | undefined;
  /** Bounds of `sk` or `gsk`. */
  lower: Bound | undefined;
  upper: Bound | undefined;
  /** The item after which to go on. */
  after: (Key & { gsk: string }) | undefined;
  descending: boolean;
}

/** The keys under which an item stands in the index byTime; undefined where it is not in it. */
export function indexKeysOf(item: StoredItem): { gpk: string; gsk: string } | undefined {
  const gpk = item['gpk']?.S;
  const gsk = item['gsk']?.S;
  return gpk === undefined || gsk === undefined ? undefined : { gpk, gsk };
}

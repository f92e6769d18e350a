/**
 * Changes of what prices calls. Each raises the head in the same transaction, so that no process can miss it and none
 * sees half of it.
 */
import { transactionToken } from '../ledger/transaction-token.ts';
import {
  TableUnavailable,
  isApplied,
  type Ids,
  type Item,
  type PutWrite,
  type Table,
  type TransactWrite,
} from '../ports.ts';
import type { PriceOverride } from './override.ts';
import { OVERRIDE, overrideFromItem, overrideToItem, putNew, raiseHead, priceItems } from './price-items.ts';

/** Others who change prices at the same time: with more than these tries there is something else wrong. */
const TRIES_MAX = 8;

export class PriceRecords {
  readonly #table: Pick<Table, 'put' | 'query' | 'transact'>;
  readonly #ids: Ids;

  constructor({ table, ids }: { table: Pick<Table, 'put' | 'query' | 'transact'>; ids: Ids }) {
    this.#table = table;
    this.#ids = ids;
  }

  /** Every revision, by model and date. Throws TableUnavailable. */
  async overrides(): Promise<PriceOverride[]> {
    return (await this.items(OVERRIDE)).map(overrideFromItem);
  }

  /**
   * Adds a revision; false where one of that very instant is there already. `replaced` are revisions that have not begun
   * yet: no charge cites them, so they may change. Throws TableUnavailable.
   */
  async putOverride(override: PriceOverride, replaced: readonly PriceOverride[] = []): Promise<boolean> {
    return this.change([
      { op: 'put', ...putNew(overrideToItem(override)) },
      ...replaced.map((other) => ({ op: 'put' as const, item: overrideToItem(other) })),
    ]);
  }

  /** False where a condition did not hold. Throws TableUnavailable. */
  async change(writes: readonly TransactWrite[]): Promise<boolean> {
    let reason = '';
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const outcome = await this.#table.transact(
        [...writes, { op: 'update', ...raiseHead() }],
        transactionToken(this.#ids),
      );
      switch (outcome.kind) {
        case 'applied':
          return true;
        case 'refused':
          return false;
        case 'unavailable':
          throw new TableUnavailable(outcome.reason);
        case 'contended':
          reason = outcome.reason;
      }
    }
    throw new TableUnavailable(reason);
  }

  /** What no call is priced by; false where the condition did not hold. Throws TableUnavailable. */
  async note(write: PutWrite): Promise<boolean> {
    return isApplied(await this.#table.put(write));
  }

  /** Throws TableUnavailable. */
  items(prefix: string): Promise<Item[]> {
    return priceItems(this.#table, prefix);
  }
}

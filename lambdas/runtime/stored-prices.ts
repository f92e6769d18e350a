/** The prices of this deployment: those of the release, and what its table has beside them. */
import type { Clock, Table } from '../core/ports.ts';
import { StoredPrices } from '../core/pricing/price-source.ts';
import { reviewedCards } from '../../prices/reviewed.ts';

export const openPrices = (books: { table: Table; clock: Clock }): StoredPrices =>
  new StoredPrices({ ...books, reviewed: reviewedCards });

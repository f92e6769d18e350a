/** `PricesChanged`: cards that the table did not have before. A repeat of the same news has the same id. */
import * as z from 'zod';

export const PRICES_CHANGED = 'PricesChanged';

export const pricesChangedSchema = z.strictObject({
  /** Hex SHA-256 of the added ids. */
  id: z.string().regex(/^[0-9a-f]{64}$/),
  version: z.literal(1),
  /** Ids of the added cards, in order. */
  added: z.array(z.string()).min(1),
  /** Cards that the snapshot has, all of which the table holds now. */
  total: z.int().positive(),
});

export type PricesChanged = z.infer<typeof pricesChangedSchema>;

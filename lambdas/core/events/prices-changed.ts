/** `PricesChanged`: cards that the table did not have before. A repeat of the same news has the same id. */
import * as z from 'zod';
import { eventId } from './fields.ts';

export const pricesChangedSchema = z.strictObject({
  id: eventId.describe('Of the added ids.'),
  version: z.literal(1),
  added: z.array(z.string()).min(1).describe('Ids of the added cards, in order.'),
  total: z.int().positive().describe('Cards that the snapshot has, all of which the table holds now.'),
});

export type PricesChanged = z.infer<typeof pricesChangedSchema>;

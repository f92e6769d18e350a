/**
 * `OverrunDetected`: a provider billed more than the bound that it documents, so a call cost more than its hold. It is
 * charged what it cost, and the model is quarantined until somebody lifts it.
 */
import * as z from 'zod';
import { amount, eventId } from './fields.ts';

export const overrunDetectedSchema = z.strictObject({
  id: eventId.describe("Of the charge's id."),
  version: z.literal(1),
  request_id: z.string(),
  user: z.string().nullable(),
  team: z.string(),
  app: z.string(),
  feature: z.string(),
  dialect: z.string(),
  model_requested: z.string(),
  model: z.string().describe('The one that served.'),
  price_version: z.string(),
  reserved_usd: amount.describe('What was held at most.'),
  cost_usd: amount.describe('What it cost, and was charged.'),
  at: z.string().describe('When the call was admitted.'),
});

export type OverrunDetected = z.infer<typeof overrunDetectedSchema>;

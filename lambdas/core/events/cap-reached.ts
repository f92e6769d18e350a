/**
 * `CapReached`: a call was refused because its cap is used up. Once a window and effective limit, with the first call that
 * was refused; the next ones are told to their callers alone.
 */
import * as z from 'zod';
import { amount, eventId } from './fields.ts';
import { standing } from './standing.ts';

export const capReachedSchema = z.strictObject({
  id: eventId.describe('Of leaf or pool, account, window key and effective limit.'),
  version: z.literal(1),
  ...standing,
  reason: z
    .enum(['cap_reached', 'blocked'])
    .describe('Too little is left for the call; or the share is reached from which the cap admits nothing.'),
  requested: amount.describe('The smallest hold with which the call could have run.'),
  request_id: z.string().describe('Of the refused call.'),
});

export type CapReached = z.infer<typeof capReachedSchema>;

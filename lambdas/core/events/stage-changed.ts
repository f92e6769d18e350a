/**
 * `StageChanged`: a cap of somebody, or a shared one, has another stage than before: up as it is used, down as its window
 * rolls, its limit rises or overage is approved. Told with the write that shows it, so the way down of a window that is
 * over comes with the next call.
 */
import * as z from 'zod';
import { STAGES } from '../caps/stage.ts';
import { eventId } from './fields.ts';
import { standing } from './standing.ts';

export const stageChangedSchema = z.strictObject({
  id: eventId.describe('Of leaf or pool, account, window key, the new stage and effective limit.'),
  version: z.literal(1),
  ...standing,
  from: z.enum(STAGES),
  to: z.enum(STAGES),
  because: z
    .enum(['spending', 'window', 'limit'])
    .describe('What moved it; `limit` is the cap as somebody set it, or what was approved beside it.'),
});

export type StageChanged = z.infer<typeof stageChangedSchema>;

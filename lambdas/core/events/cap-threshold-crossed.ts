/**
 * `CapThresholdCrossed`: the settled use of a cap reached a rung of its ladder. Totals, never deltas, and
 * an id that a repeat shares: whoever acts on it twice does the same thing once.
 */
import * as z from 'zod';
import { amount, eventId } from './fields.ts';
import { standing } from './standing.ts';

export const capThresholdCrossedSchema = z.strictObject({
  id: eventId.describe(
    'Of leaf or pool, account, window key, rung, threshold and effective limit. Names the execution too.',
  ),
  version: z.literal(1),
  ...standing,
  rung: z.enum(['warn', 'throttle', 'block']),
  threshold: z
    .string()
    .regex(/^(0\.[0-9]{1,3}|1)$/)
    .describe(
      'A fraction: "0.8". Of limit and grants for warn and throttle, of the effective limit for block.',
    ),
  threshold_amount: amount.describe('Settled amount that the threshold comes to.'),
  actions: z
    .strictObject({
      mail: z
        .boolean()
        .describe(
          'False where the ladder has none for this rung, or where a higher rung was reached at the same time.',
        ),
      mail_at: z.string().describe('Not before: the end of quiet hours, else `at`.'),
      stage_at: z.string().describe('Not before: the end of the grace, else `at`.'),
    })
    .describe('What the ladder does about it, and when.'),
  mail: z
    .strictObject({ subject: z.string().regex(/^[\x20-\x7e]{1,99}$/), text: z.string() })
    .describe('Written here, so that the machine only routes.'),
});

export type CapThresholdCrossed = z.infer<typeof capThresholdCrossedSchema>;

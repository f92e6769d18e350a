/** Where the account of a cap stands: what the details of several events say of it. */
import * as z from 'zod';
import { amount, metric, principal, scope, windowKey } from './fields.ts';

export const standing = {
  cap: z.string(),
  account: z
    .string()
    .describe(
      "The cap's account on the principal's leaf, or its pool's name: another one once the cap means something else.",
    ),
  scope,
  principal: principal
    .nullable()
    .describe('Whose own account it is; null for a shared cap, whose owner is its scope.'),
  metric,
  window: z.string(),
  window_key: windowKey,
  limit: amount,
  effective_limit: amount,
  settled: amount.describe(
    'Of a shared cap a lower bound: what callers have settled since they last drew is not in it.',
  ),
  reserved: amount.describe(
    'By calls in flight; of a shared cap also what callers have on lease, free or settled since they last drew.',
  ),
  remaining: amount,
  resets_at: z.string().nullable(),
  at: z.string(),
};

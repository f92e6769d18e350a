/**
 * `CapThresholdCrossed`: the settled use of a cap reached a rung of its ladder. Totals, never deltas, and
 * an id that a repeat shares: whoever acts on it twice does the same thing once.
 */
import * as z from 'zod';

export const EVENT_SOURCE = 'spendcap';
export const CAP_THRESHOLD_CROSSED = 'CapThresholdCrossed';

/** In the metric's unit; dollars in canonical form. */
const amount = z.string().regex(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/);

export const capThresholdCrossedSchema = z.strictObject({
  /** Hex SHA-256 of leaf or pool, account, window key, rung, threshold and effective limit. Names the execution too. */
  id: z.string().regex(/^[0-9a-f]{64}$/),
  version: z.literal(1),
  cap: z.string(),
  /** The cap's account on the principal's leaf, or its pool's name: another one once the cap means something else. */
  account: z.string(),
  scope: z.strictObject({ type: z.string(), id: z.string() }),
  /** Whose own account it is; null for a shared cap, whose owner is its scope. */
  principal: z.strictObject({ type: z.enum(['user', 'app']), id: z.string() }).nullable(),
  metric: z.enum(['usd', 'tokens', 'requests']),
  window: z.string(),
  /** Start of the window (of the newest bucket, where it rolls) in epoch seconds; 0 for a lifetime. */
  window_key: z.string().regex(/^[0-9]+$/),
  rung: z.enum(['warn', 'throttle', 'block']),
  /** A fraction: "0.8". Of limit and grants for warn and throttle, of the effective limit for block. */
  threshold: z.string().regex(/^(0\.[0-9]{1,3}|1)$/),
  /** Settled amount that the threshold comes to. */
  threshold_amount: amount,
  limit: amount,
  effective_limit: amount,
  /** Of a shared cap a lower bound: what callers have settled since they last drew is not in it. */
  settled: amount,
  /** By calls in flight; of a shared cap also what callers have on lease, free or settled since they last drew. */
  reserved: amount,
  remaining: amount,
  resets_at: z.string().nullable(),
  at: z.string(),
  /** Written here, so that the machine only routes. */
  mail: z.strictObject({ subject: z.string().regex(/^[\x20-\x7e]{1,99}$/), text: z.string() }),
});

export type CapThresholdCrossed = z.infer<typeof capThresholdCrossedSchema>;

/** What the details of several events have in common. */
import * as z from 'zod';

/** Hex SHA-256 of what happened: a repeat of the same news has the same. */
export const eventId = z.string().regex(/^[0-9a-f]{64}$/);

export const amount = z
  .string()
  .regex(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/)
  .describe("In the metric's unit; dollars in canonical form.");

export const scope = z.strictObject({ type: z.string(), id: z.string() });
export const principal = z.strictObject({ type: z.enum(['user', 'app']), id: z.string() });
export const metric = z.enum(['usd', 'tokens', 'requests']);

export const windowKey = z
  .string()
  .regex(/^[0-9]+$/)
  .describe('Start of the window (of the newest bucket, where it rolls) in epoch seconds; 0 for a lifetime.');

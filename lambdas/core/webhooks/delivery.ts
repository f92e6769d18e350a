/**
 * One event to one subscription: what is sent, and when a failed attempt is made again. At least once: a repeat has the
 * same `webhook-id`, which is the event's.
 */
import * as z from 'zod';
import { durationMs, type DurationMs, type EpochMs } from '../brands.ts';
import { EVENT_TYPES } from '../events/event-types.ts';
import { HOUR, MINUTE, SECOND, toRfc3339 } from '../time.ts';

export const deliverySchema = z.strictObject({
  /** Id of the subscription. */
  webhook: z.string(),
  type: z.enum(EVENT_TYPES),
  /** When the event was published, in RFC 3339. */
  time: z.string(),
  detail: z.looseObject({ id: z.string().min(1) }),
});

export type Delivery = z.output<typeof deliverySchema>;

/** As the specification has it: what happened, when, and what about. */
export const bodyOf = ({ type, time, detail }: Delivery): string =>
  JSON.stringify({ type, timestamp: time, data: detail });

/** The body of a test; its type is that of no event. */
export const testOf = ({ id, by, at }: { id: string; by: string; at: EpochMs }): string =>
  JSON.stringify({
    ...{ type: 'Test', timestamp: toRfc3339(at) },
    data: { id, version: 1, message: 'This is a test: nothing has happened.', asked_for_by: by },
  });

/** A day and a half hour in all: a receiver that is away overnight misses nothing. */
const PAUSES: readonly DurationMs[] = [
  durationMs(5 * SECOND),
  durationMs(30 * SECOND),
  durationMs(5 * MINUTE),
  durationMs(30 * MINUTE),
  durationMs(2 * HOUR),
  durationMs(4 * HOUR),
  durationMs(8 * HOUR),
  durationMs(10 * HOUR),
];

/** Then the message is given up, and waits for a person. */
export const ATTEMPTS_MAX = PAUSES.length + 1;

/** Until the next attempt, after so many; undefined where that was the last. */
export const pauseAfter = (attempts: number): DurationMs | undefined => PAUSES[attempts - 1];

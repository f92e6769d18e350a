/**
 * What follows when a cap's settled money reaches its rungs: who is told, and what becomes of calls. Caps name their ladder;
 * at which share each rung stands is the cap's own (`thresholds`).
 */
import * as z from 'zod';
import { isTimeZone } from '../time.ts';

const DAY_MINUTES = 1440;

/** False: finance has no mail of this rung. The event comes all the same. */
const mail = z.boolean().default(true);
const wallClock = z
  .string()
  .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time of the day such as "19:30"');

const quietHoursSchema = z
  .strictObject({
    from: wallClock,
    to: wallClock,
    timeZone: z.string().max(64).default('UTC'),
  })
  .check(({ value, issues }) => {
    const { from, to, timeZone } = value;
    const mistake = (path: string, message: string): void =>
      void issues.push({ code: 'custom', input: value, path: [path], message });
    if (from === to)
      mistake('to', `the quiet hours begin and end at ${to}: leave them out, or end them at another time`);
    if (!isTimeZone(timeZone))
      mistake('timeZone', `"${timeZone}" is no IANA time zone, such as Europe/Helsinki`);
  });
export type QuietHours = z.output<typeof quietHoursSchema>;

export const ladderSchema = z.strictObject({
  warn: z.strictObject({ mail }).prefault({}),
  /** What the stage `throttled` does to calls. */
  throttle: z
    .strictObject({
      mail,
      /** From the crossing to the stage. A window that rolls, overage and a raised limit end it as they end the stage. */
      graceMinutes: z
        .int()
        .min(0)
        .max(7 * DAY_MINUTES)
        .default(0),
      /** How many of them each caller may begin in a minute; null: as many as fit. */
      requestsPerMinute: z.int().min(1).nullable().default(10),
      /** True: they go to the next cheaper model of their chain that can do what they need. */
      cheaperModel: z.boolean().default(false),
      /** Their output limit at most; never below `minOutputTokens`. */
      maxOutputTokens: z.int().min(1).optional(),
    })
    .prefault({}),
  block: z.strictObject({ mail }).prefault({}),
  /** Mails of warn and throttle wait for their end; those of a block go out at once. */
  quietHours: quietHoursSchema.optional(),
});
export type Ladder = z.output<typeof ladderSchema>;
export type LadderOf = (name: string) => Ladder;

/**
 * `AnomalyDetected`: somebody or something has spent far more in a day than on its days before. Once a scope and day, as soon
 * as the hours of the day that are over come to it. It changes nothing: caps hold as they are.
 */
import * as z from 'zod';
import { amount, eventId } from './fields.ts';

export const ANOMALY_SCOPES = ['user', 'feature', 'app', 'team', 'org'] as const;
export type AnomalyScope = (typeof ANOMALY_SCOPES)[number];

export const anomalyDetectedSchema = z.strictObject({
  id: eventId.describe('Of the scope and the day.'),
  version: z.literal(1),
  scope: z
    .strictObject({ type: z.enum(ANOMALY_SCOPES), id: z.string() })
    .describe('As in caps: a feature is `web/summarise`, the organisation `org`.'),
  day: z.string().describe('As 2026-11-24, in the time zone.'),
  time_zone: z.string().describe("The organisation's."),
  from: z.string().describe('When the day began.'),
  until: z.string().describe('Calls that were admitted before are counted: a UTC hour that is over.'),
  at: z.string().describe('When it was noticed.'),
  spent_usd: amount.describe(
    'Since `from`, without what narrower scopes spent of which the same was told of this day.',
  ),
  requests: z.int().nonnegative().describe('Calls that it was spent on.'),
  usual_usd: amount.describe('Median of the days with spending among the 28 before.'),
  dearest_usd: amount.describe('The most of those days.'),
  days: z.int().positive().describe('How many of the 28 days had spending.'),
  unusual_from_usd: amount.describe('What a day had to come to.'),
  causes: z
    .array(
      z.strictObject({
        user: z.string().nullable().describe("Null for an app's own calls."),
        team: z.string(),
        app: z.string(),
        feature: z.string(),
        model: z.string(),
        cost_usd: amount,
      }),
    )
    .max(3)
    .describe('What most of it was spent on, the dearest first.'),
});

export type AnomalyDetected = z.infer<typeof anomalyDetectedSchema>;

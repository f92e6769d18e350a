/**
 * `GrantRequested`, `GrantApproved`, `GrantDenied`, `GrantExpired`: somebody asked for more than their cap has, and what
 * became of it. Each comes once a grant; silence is an answer too.
 */
import * as z from 'zod';
import { amount, eventId, metric, principal, scope, windowKey } from './fields.ts';

const asked = {
  id: eventId.describe("Of the grant's id and what happened to it."),
  version: z.literal(1),
  grant: z.string(),
  cap: z.string(),
  account: z.string().describe("The cap's account on the leaf of who asked, or its pool's name."),
  scope,
  principal: principal.describe('Who asked.'),
  metric,
  window: z.string(),
  window_key: windowKey.describe('The window that the grant is for: it ends with it.'),
  requested: amount,
  reason: z.string(),
  requested_at: z.string(),
  answer_by: z.string().describe('Without a decision until then, the request expires.'),
};

export const grantRequestedSchema = z.strictObject({
  ...asked,
  limit: amount.describe(
    'The cap as it stood when it was asked for; what is said of shared caps in `CapThresholdCrossed` holds here too.',
  ),
  effective_limit: amount,
  settled: amount,
  reserved: amount,
  remaining: amount,
  resets_at: z.string().nullable(),
});

export const grantApprovedSchema = z.strictObject({
  ...asked,
  approved: amount.describe('What the limit was raised by.'),
  approved_by: z.string(),
  decided_at: z.string(),
  ends_at: z.string().describe('The earlier of what the approver said and the end of the window.'),
});

export const grantDeniedSchema = z.strictObject({
  ...asked,
  denied_by: z.string(),
  denial_reason: z.string(),
  decided_at: z.string(),
});

export const grantExpiredSchema = z.strictObject(asked);

export type GrantRequested = z.infer<typeof grantRequestedSchema>;

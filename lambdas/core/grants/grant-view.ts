/** A grant as both APIs show it. */
import * as z from 'zod';
import type { EpochMs } from '../brands.ts';
import { inMetric } from '../caps/amounts.ts';
import { GRANT_STATUSES } from '../ledger/notices.ts';
import { toRfc3339 } from '../time.ts';
import { endOf, statusOf, type GrantRecord } from './grant.ts';
import { REASON_LENGTH_MAX } from './limits.ts';

export const grantIdSchema = z.string().regex(/^grant_[0-9a-v]{26}$/, 'use the id of a grant, as in grant_…');
export const reasonSchema = z.string().trim().min(1).max(REASON_LENGTH_MAX);

export const grantSchema = z.strictObject({
  id: z.string(),
  /** `approved` from when the limit is raised on; what became of it later, `ends_at` says. */
  status: z.enum(GRANT_STATUSES),
  cap: z.string(),
  scope: z.strictObject({ type: z.string(), id: z.string() }),
  metric: z.string(),
  window: z.string(),
  requested_by: z.strictObject({ type: z.enum(['user', 'app']), id: z.string() }),
  amount: z.string(),
  reason: z.string(),
  requested_at: z.string(),
  /** Without a decision until then, it expires. */
  answer_by: z.string(),
  decided_by: z.string().nullable(),
  decided_at: z.string().nullable(),
  amount_approved: z.string().nullable(),
  expires_at: z.string().nullable(),
  /** The earlier of `expires_at` and the end of the window. */
  ends_at: z.string().nullable(),
  denial_reason: z.string().nullable(),
});

export function grantView(grant: GrantRecord, now: EpochMs): z.infer<typeof grantSchema> {
  const { state, metric } = grant;
  // What is decided and not in force yet is nobody's to rely on.
  const decision = state === 'requested' || state === 'decided' ? undefined : grant.decision;
  const approval = decision?.kind === 'approved' ? decision : undefined;
  return {
    id: grant.id,
    status: statusOf(grant, now),
    cap: grant.cap,
    scope: grant.scope,
    metric,
    window: grant.window,
    requested_by: grant.principal,
    amount: inMetric(metric, grant.amount),
    reason: grant.reason,
    requested_at: toRfc3339(grant.requestedAt),
    answer_by: toRfc3339(grant.answerBy),
    decided_by: decision && decision.kind !== 'expired' ? decision.by : null,
    decided_at: decision ? toRfc3339(decision.at) : null,
    amount_approved: approval ? inMetric(metric, approval.amount) : null,
    expires_at: approval ? toRfc3339(approval.expiresAt) : null,
    ends_at: approval ? toRfc3339(endOf(grant, approval.expiresAt)) : null,
    denial_reason: decision?.kind === 'denied' ? decision.reason : null,
  };
}

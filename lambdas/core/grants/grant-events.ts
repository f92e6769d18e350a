/** What a change of a grant's record tells the bus: that it was asked for, and what became of it. */
import { inMetric } from '../caps/amounts.ts';
import type { BusEvent } from '../events/catalogue.ts';
import { sha256 } from '../request-ids.ts';
import { toRfc3339 } from '../time.ts';
import { endOf, type GrantRecord } from './grant.ts';

/** Undefined where the change is nobody's business. A repeat has the same id. */
export async function grantEvent(
  old: Pick<GrantRecord, 'state'> | undefined,
  grant: GrantRecord,
): Promise<BusEvent | undefined> {
  const { state, metric, standing, decision, windowEnds } = grant;
  if (state === 'decided' || old?.state === state) return undefined;
  const shown = (amount: bigint): string => inMetric(metric, amount);
  const asked = {
    id: await sha256(`${grant.id}\n${state}`),
    version: 1 as const,
    grant: grant.id,
    cap: grant.cap,
    account: grant.account,
    scope: grant.scope,
    principal: grant.principal,
    metric,
    window: grant.window,
    window_key: grant.windowKey.toString(),
    requested: shown(grant.amount),
    reason: grant.reason,
    requested_at: toRfc3339(grant.requestedAt),
    answer_by: toRfc3339(grant.answerBy),
  };
  if (decision?.kind === 'approved') {
    const { amount, by: approved_by, at, expiresAt } = decision;
    const decided_at = toRfc3339(at);
    const ends_at = toRfc3339(endOf(grant, expiresAt));
    return {
      type: 'GrantApproved',
      detail: { ...asked, approved: shown(amount), approved_by, decided_at, ends_at },
    };
  }
  if (decision?.kind === 'denied') {
    const { by: denied_by, reason: denial_reason, at } = decision;
    return { type: 'GrantDenied', detail: { ...asked, denied_by, denial_reason, decided_at: toRfc3339(at) } };
  }
  if (decision?.kind === 'expired') return { type: 'GrantExpired', detail: asked };
  const figures = {
    limit: shown(standing.limit),
    effective_limit: shown(standing.effectiveLimit),
    settled: shown(standing.settled),
    reserved: shown(standing.reserved),
    remaining: shown(standing.remaining),
    resets_at: windowEnds === null ? null : toRfc3339(windowEnds),
  };
  return { type: 'GrantRequested', detail: { ...asked, ...figures } };
}

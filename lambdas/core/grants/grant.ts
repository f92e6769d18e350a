/**
 * A grant: more than a cap has, asked for by somebody and decided by somebody else. It is *requested*; then decided,
 * once; and when the decision is in force it is *approved*, *denied* or *expired*, for good.
 */
import type { EpochMs } from '../brands.ts';
import type { Metric, ScopeType } from '../caps/cap.ts';
import type { Principal } from '../ledger/leaf.ts';
import type { GrantStatus } from '../ledger/notices.ts';

/** A slot is no amount, so there are no grants of calls in flight. */
export type GrantMetric = Exclude<Metric, 'concurrent'>;

export interface GrantRecord {
  id: string;
  /** `decided`: the decision stands, and is being carried out. */
  state: 'requested' | 'decided' | 'approved' | 'denied' | 'expired';
  cap: string;
  account: string;
  scope: { type: ScopeType; id: string };
  metric: GrantMetric;
  window: string;
  /** Window that it was asked in. */
  windowKey: bigint;
  principal: Principal;
  /** Over how many leaves its calls were spread then: each of them tells. */
  leaves: number;
  /** Key with which it was asked for. */
  keyId: string;
  amount: bigint;
  reason: string;
  requestedAt: EpochMs;
  /** From then on it is expired; no later than its window ends. */
  answerBy: EpochMs;
  /** When the window ends; null for a lifetime. */
  windowEnds: EpochMs | null;
  standing: Standing;
  decision: Decision | undefined;
  /** What waits for the decision, and when the approver was told. */
  taskToken: string | undefined;
  mailedAt: EpochMs | undefined;
}

/** The cap as it stood when it was asked for. */
export interface Standing {
  limit: bigint;
  effectiveLimit: bigint;
  settled: bigint;
  reserved: bigint;
  /** Not below 0. */
  remaining: bigint;
}

export type Decision =
  | { kind: 'approved'; by: string; at: EpochMs; amount: bigint; expiresAt: EpochMs }
  | { kind: 'denied'; by: string; at: EpochMs; reason: string }
  | { kind: 'expired'; at: EpochMs };

/** What people are told: a decision counts when it is in force, and a request that nobody answered is none any more. */
export function statusOf({ state, answerBy, decision }: GrantRecord, now: EpochMs): GrantStatus {
  if (state !== 'requested' && state !== 'decided') return state;
  return decision === undefined && answerBy <= now ? 'expired' : 'requested';
}

/** When approved overage ends: as the approver said, or with its window. One in a rolling window has its own end alone. */
export function endOf(
  { window, windowEnds }: Pick<GrantRecord, 'window' | 'windowEnds'>,
  expiresAt: EpochMs,
): EpochMs {
  if (windowEnds === null || window.startsWith('rolling_')) return expiresAt;
  return windowEnds < expiresAt ? windowEnds : expiresAt;
}

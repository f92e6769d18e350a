/**
 * Every way in which Spendcap itself refuses a call, in order of precedence. A refused call reaches no
 * provider and costs nothing. How each looks on the wire is the dialect's: adapters/providers/<dialect>.
 */
import type { ReachedCap } from './admission/reached-caps.ts';
import type { EpochMs } from './brands.ts';
import type { GrantStatus, ShownNotice } from './ledger/notices.ts';

/** Why a cap refuses (contract 5, `error.limit.reason`). */
export type LimitReason =
  /** settled + requested > effective limit. */
  | 'cap_reached'
  /** requested > effective limit: no wait will help. */
  | 'too_large'
  /** The ladder's last rung. */
  | 'blocked'
  /** A minute window, calls in flight, or a rung's rate: passes by itself. */
  | 'throttled'
  /** Fits as soon as calls in flight settle. */
  | 'held';

/** The cap behind a refusal, in the words and units of the contract. Amounts are decimal strings. */
export interface LimitDetail {
  reason: LimitReason;
  /** Null when no cap is behind it: too many calls in flight. */
  cap: string | null;
  scope: { type: string; id: string } | null;
  metric: string | null;
  window: string | null;
  limit: string | null;
  effective_limit: string | null;
  settled: string | null;
  reserved: string | null;
  /** The smallest hold with which the call could run. */
  requested: string | null;
  fits: { max_output_tokens: number; model?: string } | null;
  resets_at: string | null;
  request_url: string;
  /** Of the caller, on this cap; left out where they asked for nothing. */
  grant?: { id: string; status: GrantStatus };
}

export type Refusal =
  | { code: 'endpoint_not_metered'; message: string }
  | { code: 'request_too_large'; message: string }
  | { code: 'invalid_api_key'; message: string }
  | { code: 'delegate_required'; message: string }
  | { code: 'user_required'; message: string }
  | { code: 'request_not_found'; message: string }
  | { code: 'invalid_request'; message: string; param?: string }
  | { code: 'not_meterable'; message: string; param?: string }
  | { code: 'model_not_priced'; message: string }
  | { code: 'model_quarantined'; message: string }
  | { code: 'no_cap'; message: string }
  | { code: 'idempotency_mismatch'; message: string }
  | { code: 'already_charged'; message: string; charge: Record<string, unknown> }
  | { code: 'in_flight'; message: string; retryAfterMs: number }
  /** resetsAt is null for a lifetime. */
  | {
      code: 'cap_reached';
      message: string;
      limit: LimitDetail;
      /** Where the cap stands that is used up; undefined where only this call is too large for it. */
      reached: ReachedCap | undefined;
      resetsAt: EpochMs | null;
      retryAfterMs: number | null;
      /** The newest that the caller asked for, whichever cap it is on. */
      notice: ShownNotice | undefined;
    }
  | {
      code: 'throttled';
      message: string;
      limit: LimitDetail;
      retryAfterMs: number;
      notice: ShownNotice | undefined;
      /** The caller's own calls in flight hold what is missing: their end is worth a moment's wait here. */
      isFreedByOwnCalls: boolean;
    }
  | { code: 'ledger_unavailable'; message: string };

export type RefusalCode = Refusal['code'];

/** A step of the request either gives its result or refuses. */
export type Stepped<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };
export const passed = <T>(value: T): Stepped<T> => ({ ok: true, value });
export const refused = (refusal: Refusal): { ok: false; refusal: Refusal } => ({ ok: false, refusal });

/** True when the same request may pass later without anybody doing anything. */
export function isTransient(refusal: Refusal): boolean {
  switch (refusal.code) {
    case 'throttled':
    case 'in_flight':
    case 'ledger_unavailable':
      return true;
    case 'endpoint_not_metered':
    case 'request_too_large':
    case 'invalid_api_key':
    case 'delegate_required':
    case 'user_required':
    case 'request_not_found':
    case 'invalid_request':
    case 'not_meterable':
    case 'model_not_priced':
    case 'model_quarantined':
    case 'no_cap':
    case 'idempotency_mismatch':
    case 'already_charged':
    case 'cap_reached':
      return false;
  }
}

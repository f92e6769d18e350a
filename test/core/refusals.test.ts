import { describe, expect, it } from 'vitest';
import { epochMs } from '../../lambdas/core/brands.ts';
import {
  isTransient,
  passed,
  refused,
  type LimitDetail,
  type LimitReason,
  type Refusal,
  type RefusalCode,
} from '../../lambdas/core/refusals.ts';

const limit = (reason: LimitReason): LimitDetail => ({
  reason,
  cap: 'alice-month',
  scope: { type: 'user', id: 'alice' },
  metric: 'usd',
  window: 'month',
  limit: '20.00',
  effective_limit: '20.00',
  settled: '19.42',
  reserved: '0.40',
  requested: '0.61',
  fits: null,
  resets_at: '2026-12-01T00:00:00Z',
  request_url: 'https://spend.example/me',
});
const capReached = (reason: LimitReason, retryAfterMs: number | null): Refusal => ({
  code: 'cap_reached',
  message: 'm',
  limit: limit(reason),
  reached: undefined,
  resetsAt: retryAfterMs === null ? null : epochMs(1_796_083_200_000),
  retryAfterMs,
  notice: undefined,
});

/** What passes by itself, soon: minute windows, calls in flight, the store. No cap denial: an SDK must not retry one. */
const TRANSIENT: Record<RefusalCode, [Refusal, boolean][]> = {
  endpoint_not_metered: [[{ code: 'endpoint_not_metered', message: 'm' }, false]],
  request_too_large: [[{ code: 'request_too_large', message: 'm' }, false]],
  invalid_api_key: [[{ code: 'invalid_api_key', message: 'm' }, false]],
  delegate_required: [[{ code: 'delegate_required', message: 'm' }, false]],
  user_required: [[{ code: 'user_required', message: 'm' }, false]],
  request_not_found: [[{ code: 'request_not_found', message: 'm' }, false]],
  invalid_request: [[{ code: 'invalid_request', message: 'm', param: 'model' }, false]],
  not_meterable: [[{ code: 'not_meterable', message: 'm' }, false]],
  model_not_priced: [[{ code: 'model_not_priced', message: 'm' }, false]],
  model_quarantined: [[{ code: 'model_quarantined', message: 'm' }, false]],
  no_cap: [[{ code: 'no_cap', message: 'm' }, false]],
  idempotency_mismatch: [[{ code: 'idempotency_mismatch', message: 'm' }, false]],
  already_charged: [[{ code: 'already_charged', message: 'm', charge: { cost_usd: '0.61' } }, false]],
  in_flight: [[{ code: 'in_flight', message: 'm', retryAfterMs: 1000 }, true]],
  cap_reached: [
    [capReached('cap_reached', 86_400_000), false],
    [capReached('cap_reached', null), false],
    [capReached('too_large', null), false],
    [capReached('blocked', 86_400_000), false],
  ],
  throttled: [
    [
      {
        code: 'throttled',
        message: 'm',
        limit: limit('throttled'),
        retryAfterMs: 45_000,
        isFreedByOwnCalls: false,
        notice: undefined,
      },
      true,
    ],
    [
      {
        code: 'throttled',
        message: 'm',
        limit: limit('held'),
        retryAfterMs: 4000,
        isFreedByOwnCalls: true,
        notice: undefined,
      },
      true,
    ],
  ],
  ledger_unavailable: [[{ code: 'ledger_unavailable', message: 'm' }, true]],
};

describe('a refusal', () => {
  it.each(Object.values(TRANSIENT).flat())('%j is transient: %s', (refusal, transient) => {
    expect(isTransient(refusal)).toBe(transient);
  });

  it('ends a step that otherwise gives its result', () => {
    expect(passed(7)).toEqual({ ok: true, value: 7 });
    expect(refused({ code: 'no_cap', message: 'm' })).toEqual({
      ok: false,
      refusal: { code: 'no_cap', message: 'm' },
    });
  });
});

/**
 * What Spendcap itself says in the Anthropic dialect: contract 5, and the `anthropic-ratelimit-unified-*`
 * headers that Anthropic publishes for gateways that cap a user's spend (text of `GET /protocol`, checked
 * 2026-11-24): Claude Code warns at 75 % and 95 % by them.
 */
import type { DialectRenderer, UsdCapFacts } from '../../../core/endpoint.ts';
import type { Refusal, RefusalCode } from '../../../core/refusals.ts';
import { extraMembers, isAiSdk } from '../openai/rendering.ts';
import { refusalHeaders } from '../refusal-headers.ts';

const STATUS_AND_TYPE: Record<RefusalCode, [status: number, type: string]> = {
  endpoint_not_metered: [404, 'not_found_error'],
  request_too_large: [413, 'request_too_large'],
  invalid_api_key: [401, 'authentication_error'],
  delegate_required: [403, 'permission_error'],
  user_required: [400, 'invalid_request_error'],
  request_not_found: [404, 'not_found_error'],
  invalid_request: [400, 'invalid_request_error'],
  not_meterable: [400, 'invalid_request_error'],
  model_not_priced: [400, 'invalid_request_error'],
  model_quarantined: [503, 'api_error'],
  no_cap: [403, 'permission_error'],
  idempotency_mismatch: [422, 'invalid_request_error'],
  already_charged: [409, 'invalid_request_error'],
  in_flight: [409, 'invalid_request_error'],
  cap_reached: [429, 'billing_error'],
  throttled: [429, 'rate_limit_error'],
  ledger_unavailable: [503, 'api_error'],
};

export const anthropicRendering: DialectRenderer = {
  refusal(refusal, { requestId, headers }) {
    const [status, type] = STATUS_AND_TYPE[refusal.code];
    const error = {
      type,
      message: refusal.message,
      details: { code: codeOf(refusal), ...extraMembers(refusal) },
    };
    return Response.json(
      { type: 'error', error, request_id: requestId },
      {
        status: refusal.code === 'cap_reached' && isAiSdk(headers) ? 402 : status,
        headers: {
          'request-id': requestId,
          ...refusalHeaders(refusal, requestId),
          ...unifiedRejection(refusal),
        },
      },
    );
  },
  fault({ status, code, message, mayRetry }, requestId) {
    const error = { type: 'api_error', message, details: { code } };
    return Response.json(
      { type: 'error', error, request_id: requestId },
      { status, headers: { 'request-id': requestId, ...(mayRetry ? {} : { 'x-should-retry': 'false' }) } },
    );
  },
  admitted: (cap) => (cap ? unifiedAllowance(cap) : []),
};

/** The contract's word for the case: contract 5, first column. */
function codeOf(refusal: Refusal): string {
  if (refusal.code === 'cap_reached') return 'insufficient_quota';
  return refusal.code === 'throttled' ? refusal.limit.reason : refusal.code;
}

const PREFIX = 'anthropic-ratelimit-unified';
const PERIODS: Record<string, string> = { day: 'daily', week: 'weekly', month: 'monthly' };
/** Thresholds that clients know, in hundredths. */
const THRESHOLDS: [bigint, string][] = [
  [95n, '0.95'],
  [75n, '0.75'],
];

function unifiedAllowance({ effectiveLimitPicoUsd, usedPicoUsd, resetsAt }: UsdCapFacts): [string, string][] {
  const hundredths = effectiveLimitPicoUsd > 0n ? (usedPicoUsd * 100n) / effectiveLimitPicoUsd : 99n;
  const shown = hundredths > 99n ? 99n : hundredths; // 1 means rejected
  const surpassed = THRESHOLDS.find(([threshold]) => hundredths >= threshold)?.[1];
  const status = surpassed === undefined ? 'allowed' : 'allowed_warning';
  const headers: [string, string][] = [
    [`${PREFIX}-status`, status],
    [`${PREFIX}-representative-claim`, 'overage'],
    [`${PREFIX}-overage-status`, status],
    [`${PREFIX}-overage-utilization`, `0.${shown.toString().padStart(2, '0')}`],
  ];
  if (surpassed !== undefined) headers.push([`${PREFIX}-overage-surpassed-threshold`, surpassed]);
  if (resetsAt !== null) headers.push(...resets(resetsAt));
  return headers;
}

/** Without `representative-claim` and `overage-status`: a client that sees those replaces our sentence with its own. */
function unifiedRejection(refusal: Refusal): Record<string, string> {
  if (refusal.code !== 'cap_reached') return {};
  const period = refusal.limit.window === null ? undefined : PERIODS[refusal.limit.window];
  return {
    [`${PREFIX}-status`]: 'rejected',
    [`${PREFIX}-overage-utilization`]: '1',
    [`${PREFIX}-overage-surpassed-threshold`]: '1',
    [`${PREFIX}-overage-disabled-reason`]: 'org_spend_cap_reached',
    ...(period === undefined ? {} : { [`${PREFIX}-overage-period`]: period }),
    ...(refusal.resetsAt === null ? {} : Object.fromEntries(resets(refusal.resetsAt))),
  };
}

function resets(at: number): [string, string][] {
  const seconds = Math.floor(at / 1000).toString();
  return [
    [`${PREFIX}-reset`, seconds],
    [`${PREFIX}-overage-reset`, seconds],
  ];
}

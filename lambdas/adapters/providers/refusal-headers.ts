/** Headers that every dialect's refusals share: whether and when the client should try again. */
import { noticeHeader } from '../../core/response-headers.ts';
import { isTransient, type Refusal } from '../../core/refusals.ts';

const LEDGER_WAIT_MS = 1000;

export function refusalHeaders(refusal: Refusal, requestId: string): Record<string, string> {
  const headers: Record<string, string> = { 'x-spendcap-request-id': requestId };
  if ('notice' in refusal) Object.assign(headers, Object.fromEntries(noticeHeader(refusal.notice)));
  if (!isTransient(refusal)) headers['x-should-retry'] = 'false';
  const waitMs = waitOf(refusal);
  if (waitMs !== null) headers['retry-after'] = Math.max(1, Math.ceil(waitMs / 1000)).toString();
  // The SDKs of OpenAI and Anthropic prefer this one (openai 7.57.0, @anthropic-ai/sdk 1.12.0, checked 2026-11-24).
  if (refusal.code === 'throttled') headers['retry-after-ms'] = Math.ceil(refusal.retryAfterMs).toString();
  return headers;
}

function waitOf(refusal: Refusal): number | null {
  if (refusal.code === 'ledger_unavailable') return LEDGER_WAIT_MS;
  return 'retryAfterMs' in refusal ? refusal.retryAfterMs : null;
}

/** What a caller is told when we failed before the first byte, in their own dialect. */
import { RENDERERS } from '../adapters/providers/endpoints.ts';
import { freshIds } from '../core/request-ids.ts';
import { systemIds } from '../runtime/ids.ts';
import { dialectOf } from './caller-dialect.ts';

/** Nobody knows how far the call came, so no client is invited to repeat it blindly. */
export function internalError(headers: Headers, path: string): Response {
  const fault = {
    status: 500,
    code: 'internal_error',
    message:
      'Spendcap failed on this request, and the failure was reported. If the call was admitted, it is charged at its hold until evidence corrects it.',
    mayRetry: false,
  };
  return RENDERERS[dialectOf(headers, path)].fault(fault, freshIds(systemIds).requestId);
}

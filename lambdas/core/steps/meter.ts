/**
 * Step 6: reads what the provider billed while its answer goes by, and hands each ending to step 7.
 * How an upstream ending is charged: contract 5, last table.
 */
import type { Call } from '../call.ts';
import type { Answer } from '../request-flow.ts';
import { admittedHeaders } from '../response-headers.ts';
import type { Sent } from './forward.ts';
import { meterPlain } from './meter-plain.ts';
import { meterStream } from './meter-stream.ts';
import { settle, type Ending } from './settle.ts';

/** Statuses that a provider answers before it has done anything that it bills. */
const NOTHING_BILLED = new Set([500, 502, 503, 529]);

export async function meter(call: Call, { outcome, abort }: Sent): Promise<Answer> {
  if (outcome.kind !== 'answered') return failed(call, outcome.kind, outcome.reason);
  const { response } = outcome;
  const isEvents = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (response.ok && isEvents && response.body) return meterStream(call, response, abort);
  return meterPlain(call, response, abort);
}

/** What an answer that is no success tells about the bill; undefined for a success, whose usage tells. */
export function endingOfStatus(status: number): Ending | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status < 500 || NOTHING_BILLED.has(status)) return { kind: 'nothing' };
  return { kind: 'unknown', reason: `the provider answered ${status}` };
}

/** No answer at all. */
async function failed(call: Call, kind: 'not_sent' | 'no_answer', reason: string): Promise<Answer> {
  const ending: Ending = kind === 'not_sent' ? { kind: 'nothing' } : { kind: 'unknown', reason };
  const settled = await settle(call, ending);
  const response = call.gateway.renderers[call.endpoint.dialect].fault(
    kind === 'not_sent'
      ? {
          status: 502,
          code: 'upstream_unreachable',
          message: `The provider could not be reached (${reason}); the call was not charged.`,
          mayRetry: true,
        }
      : {
          status: 504,
          code: 'upstream_no_answer',
          message: `The provider did not answer (${reason}); it may have billed the call, so it is charged at its hold until evidence corrects it.`,
          mayRetry: false,
        },
    call.ids.requestId,
  );
  const leaf = settled.leaf ?? call.reserved.leaf;
  for (const [name, value] of admittedHeaders(call, {
    leaf,
    costPicoUsd: settled.costPicoUsd,
    servedModel: undefined,
  })) {
    response.headers.set(name, value);
  }
  return { response, completion: settled.rest };
}

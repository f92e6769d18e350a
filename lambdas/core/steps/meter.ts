/**
 * Step 6: reads what the provider billed while its answer goes by, and hands each ending to step 7.
 * How an upstream ending is charged: contract 5, last table.
 */
import type { Call } from '../call.ts';
import type { Answer } from '../request-flow.ts';
import { watchClient } from './client-presence.ts';
import type { Sent } from './forward.ts';
import { meterPlain } from './meter-plain.ts';
import { meterStream } from './meter-stream.ts';
import type { Ending } from './settle.ts';

/** Statuses that a provider answers before it has done anything that it bills. */
const NOTHING_BILLED = new Set([500, 502, 503, 529]);

export function meter(call: Call, { outcome, abort }: Sent): Promise<Answer> {
  const client = watchClient(call, abort);
  return call.quote.shape.streaming ? meterStream(call, outcome, client) : meterPlain(call, outcome, client);
}

/** What an answer that is no success tells about the bill; undefined for a success, whose usage tells. */
export function endingOfStatus(status: number): Ending | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status < 500 || NOTHING_BILLED.has(status)) return { kind: 'nothing' };
  return { kind: 'unknown', reason: `the provider answered ${status}` };
}

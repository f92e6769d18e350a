/**
 * Step 6: reads what the provider billed while its answer goes by, and hands each ending to step 7.
 * How an upstream ending is charged: contract 5, last table.
 */
import type { Answer, Call } from '../call.ts';
import { watchClient } from './client-presence.ts';
import type { Sent } from './forward.ts';
import { meterAsked } from './meter-asked.ts';
import { meterPlain } from './meter-plain.ts';
import { meterStream } from './meter-stream.ts';

export function meter(call: Call, { outcome, abort }: Sent): Promise<Answer> {
  const client = watchClient(call, abort);
  const asked = call.endpoint.usageAsked?.(call.quote.shape);
  if (asked) return meterAsked(call, outcome, asked, client);
  return call.quote.shape.streaming ? meterStream(call, outcome, client) : meterPlain(call, outcome, client);
}

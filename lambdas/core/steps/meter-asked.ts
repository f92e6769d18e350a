/**
 * An answer that tells no usage, of a call whose request does: its status settles it, and its body is passed on as it
 * arrives. A body that breaks off then is cut for the client, too; the provider had begun what it bills.
 */
import type { Answer, Call } from '../call.ts';
import type { UpstreamOutcome } from '../ports.ts';
import type { UsageReading } from '../pricing/usage.ts';
import { admittedHeaders, providerHeaders } from '../response-headers.ts';
import type { ClientPresence } from './client-presence.ts';
import { meterPlain } from './meter-plain.ts';
import { settle } from './settle.ts';

export async function meterAsked(
  call: Call,
  outcome: Promise<UpstreamOutcome>,
  reading: UsageReading,
  client: ClientPresence,
): Promise<Answer> {
  // No white space while it is awaited: sound is not text.
  const begun = await outcome;
  if (begun.kind !== 'answered' || !begun.response.ok) return meterPlain(call, outcome, client);
  client.done();
  const settled = await settle(call, { kind: 'usage', reading, servedModel: undefined });
  const { status, headers: sent, body } = begun.response;
  const { books } = call.reserved;
  const after = { ...books, leaf: settled.leaf ?? books.leaf };
  const facts = { books: after, costPicoUsd: settled.costPicoUsd, servedModel: undefined };
  const headers = providerHeaders(sent);
  for (const [name, value] of admittedHeaders(call, facts)) headers.set(name, value);
  return { response: new Response(body, { status, headers }), completion: settled.rest };
}

/** Reads a call as the flow does: parsed first, then by its endpoint. */
import { holdId } from '../../../lambdas/core/brands.ts';
import type { CallShape, JsonEndpoint } from '../../../lambdas/core/endpoint.ts';
import { parseJsonDocument } from '../../../lambdas/core/json-document.ts';
import type { Refusal } from '../../../lambdas/core/refusals.ts';
import { reviewedPrices } from '../../../prices/reviewed.ts';
import { NOON } from '../../support/worlds.ts';

export type Body = Record<string, unknown>;

/** The refusal's code and member, or the shape. */
export function readText(endpoint: JsonEndpoint, text: string): Refusal | CallShape {
  const parsed = parseJsonDocument(text);
  if ('problem' in parsed) return { code: 'invalid_request', message: parsed.problem };
  const read = endpoint.readCall(parsed.document, new Headers());
  return read.ok ? read.value : read.refusal;
}

export const readBody = (endpoint: JsonEndpoint, body: Body): Refusal | CallShape =>
  readText(endpoint, JSON.stringify(body));

export const HOLD = holdId('0123456789abcdefghijklmnop');

/** The text that goes to the provider. */
export function sentText(endpoint: JsonEndpoint, text: string, outputTokensMax?: bigint): string {
  const parsed = parseJsonDocument(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  const read = endpoint.readCall(parsed.document, new Headers());
  if (!read.ok) throw new Error(read.refusal.message);
  const card = reviewedPrices().find(endpoint.name, read.value.model, NOON);
  if (!card) throw new Error(`no card for ${read.value.model}`);
  return endpoint.bodyFor(parsed.document, read.value, { card, outputTokensMax, holdId: HOLD });
}

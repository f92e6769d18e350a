/** What the OpenAI endpoints' requests have in common: numbers, images, tools, service tiers. */
import type { JsonValue } from '../../../core/json-document.ts';
import { isObject, withMember } from '../../../core/json-document.ts';
import type { ConditionText } from '../../../core/pricing/card.ts';
import { refused, type Refusal } from '../../../core/refusals.ts';

export const invalid = (message: string, param: string): { ok: false; refusal: Refusal } =>
  refused({ code: 'invalid_request', message, param });
export const notMeterable = (message: string, param: string): { ok: false; refusal: Refusal } =>
  refused({ code: 'not_meterable', message, param });

export const isPositiveInteger = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;

/**
 * Service tiers that a request can be served and billed at (OpenAI API reference, `service_tier`, checked
 * 2026-11-24). `auto` and none follow the project's setting, which is taken to be the default tier; a project
 * set to another tier is an overrun that quarantines the model, see docs/decisions/0006.
 */
const TIERS_SERVED: Record<string, ConditionText[]> = {
  auto: [],
  default: [],
  flex: ['response.service_tier=flex'],
  priority: ['response.service_tier=priority'],
};

/** Beside the list price; undefined for a tier without a known price. */
export function serviceTiers(value: JsonValue | undefined): ConditionText[] | undefined {
  if (value === undefined || value === null) return [];
  return typeof value === 'string' && Object.hasOwn(TIERS_SERVED, value) ? TIERS_SERVED[value] : undefined;
}

/** Tools that run at the client: they cost their bytes. All others run at the provider and re-bill the context. */
export function providerTool(tools: JsonValue | undefined): string | undefined {
  if (!Array.isArray(tools)) return undefined;
  for (const tool of tools) {
    const type = isObject(tool) ? tool['type'] : undefined;
    if (type !== 'function' && type !== 'custom') return typeof type === 'string' ? type : 'untyped';
  }
  return undefined;
}

/** Bytes of an inline image; 0 for one by reference. */
export const inlineImageBytes = (url: unknown): bigint =>
  typeof url === 'string' && url.startsWith('data:') ? BigInt(url.length) : 0n;

/** A schema or tools make the provider add instructions of its own. */
export const HIDDEN_TOKENS_WITH_TOOLS = 1024n;

export function withUsageAsked(text: string, streamOptions: JsonValue | undefined): string {
  if (!isObject(streamOptions)) return withMember(text, ['stream_options'], { include_usage: true });
  if (streamOptions['include_usage'] === true) return text;
  return withMember(text, ['stream_options', 'include_usage'], true);
}

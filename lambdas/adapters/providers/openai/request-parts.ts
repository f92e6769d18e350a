/** What the OpenAI endpoints' requests have in common: numbers, images, tools, service tiers. */
import type { CallShape } from '../../../core/endpoint.ts';
import type { OpenAiProjectTier } from '../../../core/policy/policy.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../core/json-document.ts';
import { withMember } from '../../../core/json-edits.ts';
import type { ConditionText } from '../../../core/pricing/card.ts';
import { refused, type Refusal } from '../../../core/refusals.ts';

export const invalid = (message: string, param: string): { ok: false; refusal: Refusal } =>
  refused({ code: 'invalid_request', message, param });
export const notMeterable = (message: string, param: string): { ok: false; refusal: Refusal } =>
  refused({ code: 'not_meterable', message, param });

export const isPositiveInteger = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;

const FLEX: ConditionText = 'response.service_tier=flex';
const PRIORITY: ConditionText = 'response.service_tier=priority';
const FAST: ConditionText = 'response.service_tier=fast';
type Tier = Pick<CallShape, 'conditionsAsked' | 'conditionsPossible' | 'tierIsOpen'>;
const tier = (asked: ConditionText[], possible: ConditionText[] = []): Tier => ({
  conditionsAsked: asked,
  conditionsPossible: possible,
  tierIsOpen: false,
});
/**
 * Service tiers that a request can be served and billed at (openai 7.57.0 typings, checked 2026-11-29): `fast` and
 * `priority` both ask for the fast mode, which the answer names by the one or the other. The answer may also name a
 * cheaper one, and is billed by what it names. `scale` and `ultrafast` have no price here.
 */
const TIERS: Readonly<Record<string, Tier>> = {
  default: tier([]),
  flex: tier([FLEX]),
  priority: tier([PRIORITY], [FAST]),
  fast: tier([FAST], [PRIORITY]),
};
/** They follow the setting of the project at the provider, which the policy names. */
const BY_PROJECT: ReadonlySet<unknown> = new Set([undefined, null, 'auto']);

/** What the tier asked for makes the call cost beside the list price; undefined where that is not known. */
export function serviceTier(value: JsonValue | undefined): Tier | undefined {
  if (BY_PROJECT.has(value)) return { ...tier([]), tierIsOpen: true };
  return typeof value === 'string' && Object.hasOwn(TIERS, value) ? TIERS[value] : undefined;
}

/** What requests that name no tier may be served at, in a project of this setting. */
export function projectTier(setting: OpenAiProjectTier): ConditionText[] {
  const { conditionsAsked, conditionsPossible } = TIERS[setting]!;
  return [...conditionsAsked, ...conditionsPossible];
}

/** Any lifetime but the usual half an hour is held as the longest that has a price. */
export function cacheWritesOf(body: JsonObject): CallShape['cacheWrites'] {
  const options = body['prompt_cache_options'];
  const lifetime = isObject(options) ? (options['ttl'] ?? '30m') : '30m';
  return isPresent(body['prompt_cache_retention']) || lifetime !== '30m' ? '12h' : 'default';
}

export const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

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

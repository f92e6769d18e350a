/** What a request for a message needs of its model; undefined as soon as a member of it is not known to be bearable. */
import { isObject, type JsonObject, type JsonValue } from '../../../core/json-document.ts';
import { effortAbility, type Ability } from '../../../core/pricing/abilities.ts';

const PLAIN_MEMBERS = new Set(
  'model messages system max_tokens stream metadata stop_sequences service_tier tool_choice'.split(' '),
);
const SAMPLING_MEMBERS = new Set(['temperature', 'top_p', 'top_k']);
/** Thoughts are signed for the model that had them; what the provider did is sealed. */
const MOVABLE_BLOCKS = new Set(['text', 'image', 'tool_use', 'tool_result', 'document', 'search_result']);

export function messageNeeds(
  body: JsonObject,
  blocks: readonly JsonObject[],
  headers: Headers,
): readonly Ability[] | undefined {
  // A beta may be one of the asked model's alone.
  if (headers.get('anthropic-beta') !== null) return undefined;
  if (blocks.some(({ type }) => typeof type !== 'string' || !MOVABLE_BLOCKS.has(type))) return undefined;
  const needs = new Set<Ability>();
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined || value === null || PLAIN_MEMBERS.has(name)) continue;
    const found = SAMPLING_MEMBERS.has(name) ? (['sampling'] as const) : needsOf(name, value);
    if (found === undefined) return undefined;
    for (const need of found) needs.add(need);
  }
  if (blocks.some(({ type }) => type === 'image')) needs.add('images');
  const last = Array.isArray(body['messages']) ? body['messages'].at(-1) : undefined;
  if (isObject(last) && last['role'] === 'assistant') needs.add('prefill');
  return [...needs];
}

function needsOf(name: string, value: JsonValue): readonly Ability[] | undefined {
  switch (name) {
    case 'tools':
      return Array.isArray(value) && value.every(isOwnTool)
        ? value.length === 0
          ? []
          : ['tools']
        : undefined;
    case 'thinking':
      if (!isObject(value)) return undefined;
      if (value['type'] === 'enabled') return ['thinking_budget'];
      return value['type'] === 'adaptive' ? ['thinking_adaptive'] : undefined;
    case 'output_config':
      return isObject(value) ? outputNeeds(value) : undefined;
    default:
      return undefined;
  }
}

/** One of the caller's: tools of Anthropic's come in versions, each for some models. */
const isOwnTool = (tool: JsonValue): boolean =>
  isObject(tool) && (tool['type'] === undefined || tool['type'] === 'custom');

function outputNeeds({ effort, format, ...others }: JsonObject): readonly Ability[] | undefined {
  if (Object.keys(others).length > 0) return undefined;
  const ability = effort === undefined ? undefined : effortAbility(effort);
  if (effort !== undefined && ability === undefined) return undefined;
  return [...(ability ? [ability] : []), ...(format === undefined ? [] : ['schemas' as const])];
}

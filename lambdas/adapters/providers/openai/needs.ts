/** What a chat or responses request needs of its model; undefined as soon as a member of it is not known to be bearable. */
import { isObject, type JsonObject, type JsonValue } from '../../../core/json-document.ts';
import { effortAbility, type Ability } from '../../../core/pricing/abilities.ts';
import { isPresent } from './request-parts.ts';

type Needs = readonly Ability[] | undefined;
/** Undefined: nobody knows what it takes. */
type NeedOf = (value: JsonValue) => Needs;

const nothing: NeedOf = () => [];
const sampling: NeedOf = () => ['sampling'];

const functionTools: NeedOf = (tools) => {
  if (!Array.isArray(tools)) return undefined;
  if (!tools.every((tool) => isObject(tool) && tool['type'] === 'function')) return undefined;
  if (tools.length === 0) return [];
  return tools.some(isStrict) ? ['tools', 'schemas'] : ['tools'];
};
const isStrict = (tool: JsonValue): boolean =>
  isObject(tool) &&
  (tool['strict'] === true || (isObject(tool['function']) && tool['function']['strict'] === true));

const format: NeedOf = (value) => (isObject(value) && value['type'] === 'text' ? [] : ['schemas']);

const effort: NeedOf = (value) => {
  const ability = effortAbility(value);
  return ability && [ability];
};

const COMMON: Record<string, NeedOf> = {
  model: nothing,
  stream: nothing,
  stream_options: nothing,
  user: nothing,
  safety_identifier: nothing,
  metadata: nothing,
  store: nothing,
  service_tier: nothing,
  prompt_cache_key: nothing,
  temperature: sampling,
  top_p: sampling,
  tools: functionTools,
  tool_choice: nothing,
  parallel_tool_calls: nothing,
};

const CHAT: Record<string, NeedOf> = {
  ...COMMON,
  messages: nothing,
  n: nothing,
  seed: nothing,
  max_completion_tokens: nothing,
  max_tokens: () => ['max_tokens'],
  stop: sampling,
  presence_penalty: sampling,
  frequency_penalty: sampling,
  response_format: format,
  reasoning_effort: effort,
};

const RESPONSES: Record<string, NeedOf> = {
  ...COMMON,
  input: nothing,
  instructions: nothing,
  max_output_tokens: nothing,
  text: (value) =>
    isObject(value) && Object.keys(value).every((name) => name === 'format') && isPresent(value['format'])
      ? format(value['format']!)
      : undefined,
  reasoning: (value) =>
    isObject(value) && Object.keys(value).every((name) => name === 'effort') && isPresent(value['effort'])
      ? effort(value['effort']!)
      : undefined,
};

function needsBy(known: Record<string, NeedOf>, body: JsonObject): Needs {
  const needs = new Set<Ability>();
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined || value === null) continue;
    const found = Object.hasOwn(known, name) ? known[name]!(value) : undefined;
    if (found === undefined) return undefined;
    for (const need of found) needs.add(need);
  }
  return [...needs];
}

export function chatNeeds(body: JsonObject, hasImages: boolean): Needs {
  const needs = needsBy(CHAT, body);
  return needs && hasImages ? [...needs, 'images'] : needs;
}

/** Items that only the model which wrote them can read, and what the provider keeps, move to no other. */
const MOVABLE_ITEMS = new Set(['message', 'function_call', 'function_call_output']);

export function responsesNeeds(body: JsonObject, itemTypes: readonly string[], hasImages: boolean): Needs {
  if (itemTypes.some((type) => !MOVABLE_ITEMS.has(type))) return undefined;
  const needs = needsBy(RESPONSES, body);
  return needs && hasImages ? [...needs, 'images'] : needs;
}

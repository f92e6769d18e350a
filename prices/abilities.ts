/**
 * What the models of fallback chains can do, as two sources agree: models.dev (tool_call, structured_output,
 * reasoning_options, temperature, modalities; commit f3fc692 of 2026-07-02) and LiteLLM's map (supports_*; of
 * 2026-07-24). Where one is silent or they differ, the ability is left out. A model that is not here is never fallen
 * back to.
 */
import type { Ability } from '../lambdas/core/pricing/abilities.ts';

export const ABILITIES_CHECKED_ON = '2026-11-30';
export const ABILITIES_SOURCES = [
  'https://github.com/anomalyco/models.dev/tree/f3fc692299671838c7c65fd8126bf84d81a2e817',
  'https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json',
] as const;

const COMMON: Ability[] = ['tools', 'images'];
const WRITES_JSON: Ability[] = [...COMMON, 'schemas'];
const PLAIN: Ability[] = [...WRITES_JSON, 'sampling', 'max_tokens'];
const LOW_TO_HIGH: Ability[] = ['effort_low', 'effort_medium', 'effort_high'];
const REASONING: Ability[] = [...WRITES_JSON, ...LOW_TO_HIGH];
const FROM_MINIMAL: Ability[] = [...REASONING, 'effort_minimal'];
const FROM_NONE: Ability[] = [...REASONING, 'effort_none'];
const FROM_NONE_TO_XHIGH: Ability[] = [...FROM_NONE, 'effort_xhigh'];
/** Only LiteLLM tells of their JSON schemas and prefills. */
const CLAUDE: Ability[] = [...COMMON];
const CLAUDE_BUDGET: Ability[] = [...CLAUDE, 'sampling', 'thinking_budget'];
const CLAUDE_TO_MAX: Ability[] = [...CLAUDE, ...LOW_TO_HIGH, 'effort_max'];

const ABILITIES: Readonly<Record<string, readonly Ability[]>> = {
  'openai/gpt-4o': PLAIN,
  'openai/gpt-4o-mini': PLAIN,
  'openai/gpt-4.1': PLAIN,
  'openai/gpt-4.1-mini': PLAIN,
  'openai/gpt-4.1-nano': PLAIN,
  'openai/o3': REASONING,
  'openai/o4-mini': REASONING,
  'openai/gpt-5': FROM_MINIMAL,
  'openai/gpt-5-mini': FROM_MINIMAL,
  'openai/gpt-5-nano': FROM_MINIMAL,
  'openai/gpt-5.1': FROM_NONE,
  'openai/gpt-5.2': FROM_NONE_TO_XHIGH,
  'openai/gpt-5.4': FROM_NONE_TO_XHIGH,
  'openai/gpt-5.4-mini': FROM_NONE_TO_XHIGH,
  'openai/gpt-5.4-nano': FROM_NONE_TO_XHIGH,
  'openai/gpt-5.5': FROM_NONE_TO_XHIGH,
  'anthropic/claude-fable-5': [...CLAUDE_TO_MAX, 'effort_xhigh'],
  'anthropic/claude-opus-4-8': [...CLAUDE_TO_MAX, 'effort_xhigh'],
  'anthropic/claude-opus-4-7': [...CLAUDE_TO_MAX, 'effort_xhigh'],
  'anthropic/claude-opus-4-6': [...CLAUDE_BUDGET, ...LOW_TO_HIGH, 'effort_max'],
  'anthropic/claude-opus-4-5': [...CLAUDE_BUDGET, ...LOW_TO_HIGH],
  'anthropic/claude-sonnet-5': [...CLAUDE_TO_MAX, 'effort_xhigh'],
  'anthropic/claude-sonnet-4-6': [...CLAUDE_BUDGET, ...LOW_TO_HIGH, 'effort_max'],
  'anthropic/claude-sonnet-4-5': CLAUDE_BUDGET,
  'anthropic/claude-haiku-4-5': CLAUDE_BUDGET,
};

export const reviewedAbilities = (provider: string, model: string): readonly Ability[] | undefined => {
  const name = `${provider}/${model}`;
  return Object.hasOwn(ABILITIES, name) ? ABILITIES[name] : undefined;
};

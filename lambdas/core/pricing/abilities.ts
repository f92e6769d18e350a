/**
 * What a request needs of its model beyond reading and writing text, and what a model can do, in the same words. What is
 * not known of either is never taken for granted: such a request, or such a model, takes part in no fallback.
 */
export type Ability =
  | 'tools'
  | 'images'
  /** Answers by a JSON schema, or as JSON. */
  | 'schemas'
  /** Temperature and its like, which models that reason refuse. */
  | 'sampling'
  /** The older name of OpenAI's output limit. */
  | 'max_tokens'
  /** An answer that the request begins. */
  | 'prefill'
  | 'thinking_budget'
  | 'thinking_adaptive'
  | `effort_${'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'}`;

/** By provider and model; undefined where nobody has looked. */
export type AbilitiesOf = (provider: string, model: string) => readonly Ability[] | undefined;

const EFFORTS: readonly string[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

/** Undefined for an effort that no table knows. */
export const effortAbility = (effort: unknown): Ability | undefined =>
  typeof effort === 'string' && EFFORTS.includes(effort) ? (`effort_${effort}` as Ability) : undefined;

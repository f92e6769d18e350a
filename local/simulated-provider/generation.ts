/** What a model makes of a call: how many tokens of each kind, which text, and why it stops. */
import type { Directives } from './directives.ts';
import { refuse, type Asked, type Generation, type Problem, type SimulatedEndpoint } from './endpoint.ts';
import { argumentsOfTokens, DEFAULT_OUTPUT_TOKENS, textOfTokens } from './tokens.ts';
import type { BilledTokens } from './truth.ts';

const STREAM_CHUNKS = 4;

export function generate(
  { name, words, makesText }: SimulatedEndpoint,
  asked: Asked,
  { directives, id, now }: { directives: Directives; id: string; now: number },
): { made: Generation } | { problem: Problem } {
  const misplaced = (Object.keys(directives) as (keyof Directives)[]).find((word) => !words.has(word));
  if (misplaced) return refuse(`"${misplaced}" in a [[sim]] directive means nothing to ${name}.`);
  if (directives.error && !asked.stream) return refuse('"error=mid" in a [[sim]] directive needs a stream.');
  const input = inputOf(asked, directives);
  if ('problem' in input) return input;
  const output = outputOf(asked, directives, makesText);
  if ('problem' in output) return output;
  const tool = toolOf(asked, directives);
  if (typeof tool === 'object') return tool;

  const { visible, reasoning, isCut } = output;
  const made = visible + reasoning;
  return {
    made: {
      asked,
      directives,
      id,
      createdAtEpochSeconds: Math.floor(now / 1000),
      model: directives.served ?? asked.model,
      serviceTier: directives['service-tier'] ?? asked.serviceTier,
      tokens: {
        ...input,
        output: directives.overrun ?? (asked.units ? 0 : made * asked.choices),
        reasoning: reasoning * asked.choices,
        ...asked.units,
      },
      text: tool === undefined && makesText ? textOfTokens(visible) : '',
      tool: tool === undefined ? undefined : { name: tool, arguments: argumentsOfTokens(visible) },
      isCut,
      chunks: directives.chunks ?? STREAM_CHUNKS,
    },
  };
}

type InputTokens = Omit<BilledTokens, 'output' | 'reasoning'>;

function inputOf({ inputTokens }: Asked, directives: Directives): InputTokens | { problem: Problem } {
  const { cached: cacheRead = 0, 'cache-write': cacheWrite = 0, input: all = inputTokens } = directives;
  const cacheWrite1h = directives['cache-write-1h'] ?? 0;
  const input = all - cacheRead - cacheWrite - cacheWrite1h;
  if (input >= 0) return { input, cacheRead, cacheWrite, cacheWrite1h };
  return refuse(
    `The cached tokens of the [[sim]] directive are more than the input, which is ${all} tokens.`,
  );
}

/** Of each choice. */
function outputOf(
  { outputTokensMax, madeTokens = 0 }: Asked,
  { output, reasoning = 0 }: Directives,
  makesText: boolean,
): { visible: number; reasoning: number; isCut: boolean } | { problem: Problem } {
  const max = outputTokensMax ?? Infinity;
  if (output === 'limit' && outputTokensMax === undefined) {
    return refuse('"output=limit" in a [[sim]] directive needs an output limit in the request.');
  }
  if (!makesText) {
    return { visible: typeof output === 'number' ? output : madeTokens, reasoning: 0, isCut: false };
  }
  const wanted = output === 'limit' ? max : (output ?? DEFAULT_OUTPUT_TOKENS + reasoning);
  if (reasoning > wanted) {
    return refuse(
      `The reasoning of the [[sim]] directive is more than the output, which is ${wanted} tokens.`,
    );
  }
  // A model thinks before it writes: what the limit cuts off is text first.
  const made = Math.min(wanted, max);
  const thought = Math.min(reasoning, made);
  return { visible: made - thought, reasoning: thought, isCut: wanted > max || output === 'limit' };
}

function toolOf({ tools }: Asked, { tool }: Directives): string | undefined | { problem: Problem } {
  if (tool === undefined) return undefined;
  const called = tool === true ? tools[0] : tools.find((name) => name === tool);
  return called ?? refuse('"tool" in a [[sim]] directive needs that tool in the request.');
}

/** POST /v1/responses and /v1/responses/input_tokens (API reference and openai 7.57.0 typings, checked 2026-11-24). */
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';
import { directiveText } from './directives.ts';
import {
  FREE_WORDS,
  refuse,
  reportedUsage,
  TEXT_WORDS,
  type SimulatedEndpoint,
  type Generation,
} from './endpoint.ts';
import { openAi, tierServed, toolNames } from './openai-dialect.ts';
import { streamResponse } from './openai-responses-stream.ts';
import { countTokens } from './tokens.ts';

type Read = ReturnType<SimulatedEndpoint['read']>;

export const openAiResponses: SimulatedEndpoint = {
  name: 'openai-responses',
  dialect: openAi,
  words: TEXT_WORDS,
  makesText: true,
  isFree: false,
  read(body) {
    const limit = body['max_output_tokens'] ?? undefined;
    if (limit !== undefined && !(Number.isSafeInteger(limit) && (limit as number) >= OUTPUT_TOKENS_MIN)) {
      const message = `Invalid 'max_output_tokens': an integer of at least ${OUTPUT_TOKENS_MIN} is expected.`;
      return refuse(message, 'max_output_tokens');
    }
    return read(body, limit as number | undefined);
  },
  answer: finishedResponse,
  stream: (made) =>
    streamResponse(made, {
      begun: responseOf(made, { status: 'in_progress', output: [], usage: null }),
      finished: finishedResponse(made),
      item: itemOf(made),
    }),
};

export const openAiInputTokens: SimulatedEndpoint = {
  name: 'openai-input-tokens',
  dialect: openAi,
  words: FREE_WORDS,
  makesText: false,
  isFree: true,
  read: (body) => read(body, undefined),
  answer: ({ tokens }) => ({ object: 'response.input_tokens', input_tokens: tokens.input }),
  stream: undefined,
};

/** The API refuses less. */
const OUTPUT_TOKENS_MIN = 16;

function read(body: JsonObject, outputTokensMax: number | undefined): Read {
  const { model, input, instructions, tools, text } = body;
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter', 'model');
  if (input !== undefined && typeof input !== 'string' && !Array.isArray(input)) {
    return refuse("Invalid type for 'input': expected a string or an array.", 'input');
  }
  return {
    asked: {
      body,
      model,
      stream: body['stream'] === true,
      prompt: typeof input === 'string' ? input : directiveText(input ?? []),
      inputTokens: [input, instructions, tools, text].reduce<number>(
        (sum, part) => sum + countTokens(part),
        0,
      ),
      outputTokensMax,
      choices: 1,
      serviceTier: tierServed(body),
      tools: toolNames(tools),
    },
  };
}

function finishedResponse(made: Generation): JsonObject {
  return responseOf(made, {
    status: statusOf(made),
    output: [itemOf(made)],
    usage: reportedUsage(usageOf(made), made.directives),
  });
}

const statusOf = ({ isCut }: Generation): 'completed' | 'incomplete' => (isCut ? 'incomplete' : 'completed');

function itemOf(made: Generation): JsonObject {
  const { id, tool, text } = made;
  const status = statusOf(made);
  if (!tool) {
    const part = { type: 'output_text', annotations: [], logprobs: [], text };
    return { id: `msg_${id}`, type: 'message', status, role: 'assistant', content: [part] };
  }
  return { id: `fc_${id}`, type: 'function_call', status, call_id: `call_${id}`, ...tool };
}

/** The members that echo the request stand as it had them, or as the API's defaults. */
function responseOf(
  made: Generation,
  { status, output, usage }: { status: string; output: JsonValue[]; usage: JsonObject | null | undefined },
): JsonObject {
  const { body } = made.asked;
  return {
    id: `resp_${made.id}`,
    object: 'response',
    created_at: made.createdAtEpochSeconds,
    status,
    background: false,
    completed_at: status === 'completed' ? made.createdAtEpochSeconds : null,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    max_tool_calls: null,
    model: made.model,
    output,
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: body['previous_response_id'] ?? null,
    prompt_cache_key: body['prompt_cache_key'] ?? null,
    reasoning: isObject(body['reasoning']) ? body['reasoning'] : { effort: null, summary: null },
    safety_identifier: body['safety_identifier'] ?? null,
    service_tier: status === 'in_progress' ? (body['service_tier'] ?? 'auto') : made.serviceTier,
    store: body['store'] ?? true,
    temperature: body['temperature'] ?? 1,
    text: body['text'] ?? { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body['tools'] ?? [],
    top_logprobs: 0,
    top_p: body['top_p'] ?? 1,
    truncation: body['truncation'] ?? 'disabled',
    usage,
    user: body['user'] ?? null,
    metadata: body['metadata'] ?? {},
  };
}

function usageOf({ tokens }: Generation): JsonObject {
  const input = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: tokens.cacheRead, cache_write_tokens: tokens.cacheWrite },
    output_tokens: tokens.output,
    output_tokens_details: { reasoning_tokens: tokens.reasoning },
    total_tokens: input + tokens.output,
  };
}

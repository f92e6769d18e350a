/** OpenAI's `POST /v1/responses`, and its free `/v1/responses/input_tokens`. */
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';
import {
  countMember,
  frame,
  textMember,
  usageMember,
  type Answer,
  type Asked,
  type SimulatedEndpoint,
  type SseFrame,
} from './exchange.ts';
import { lastUserText, tierOf } from './openai-chat.ts';
import { countTokens } from './tokens.ts';

export const openaiResponses: SimulatedEndpoint = {
  name: 'openai-responses',
  dialect: 'openai',
  path: '/v1/responses',
  isFree: false,
  read,
  plain: (answer) => response(answer, answer.isCut ? 'incomplete' : 'completed', [itemOf(answer)]),
  frames,
  errorFrame: (message) =>
    frame({ type: 'error', code: 'server_error', message, param: null, sequence_number: 0 }, 'error'),
};

export const openaiInputTokens: SimulatedEndpoint = {
  ...openaiResponses,
  name: 'openai-input-tokens',
  path: '/v1/responses/input_tokens',
  isFree: true,
  plain: ({ asked }) => ({ object: 'response.input_tokens', input_tokens: asked.inputTokens }),
};

function read(body: JsonObject): Asked | string {
  const model = textMember(body, 'model');
  if (model === undefined) return "Missing required parameter: 'model'.";
  const input = body['input'];
  return {
    model,
    stream: body['stream'] === true,
    prompt: typeof input === 'string' ? input : Array.isArray(input) ? lastUserText(input) : '',
    inputTokens: countTokens(input) + countTokens(body['instructions']) + countTokens(body['tools']),
    outputTokensMax: countMember(body, 'max_output_tokens'),
    choices: 1,
    serviceTier: tierOf(body),
    firstTool: firstTool(body),
  };
}

function firstTool(body: JsonObject): string | undefined {
  const [tool] = Array.isArray(body['tools']) ? body['tools'] : [];
  return isObject(tool) ? textMember(tool, 'name') : undefined;
}

function usageOf({ tokens, directives }: Answer): { usage?: JsonValue } {
  const input = tokens.input + tokens.cacheRead + tokens.cacheWrite + tokens.cacheWrite1h;
  const usage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: tokens.cacheRead },
    output_tokens: tokens.output,
    output_tokens_details: { reasoning_tokens: tokens.reasoning },
    total_tokens: input + tokens.output,
  };
  return usageMember(usage, directives);
}

function response(answer: Answer, status: string, output: JsonObject[]): JsonObject {
  const { body, asked } = answer;
  const isOver = status !== 'in_progress';
  return {
    id: `resp_${answer.id}`,
    object: 'response',
    created_at: answer.createdSeconds,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: asked.outputTokensMax ?? null,
    model: answer.servedModel,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    ...(answer.serviceTier !== undefined && { service_tier: answer.serviceTier }),
    store: body['store'] ?? true,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: body['tools'] ?? [],
    top_p: 1,
    truncation: 'disabled',
    ...(isOver ? usageOf(answer) : { usage: null }),
    user: null,
    metadata: body['metadata'] ?? {},
  };
}

const textPart = (text: string): JsonObject => ({ type: 'output_text', text, annotations: [], logprobs: [] });

/** The one item that an answer consists of: a message, or a call of a function. */
function itemOf(answer: Answer, text = answer.pieces.join(''), status = 'completed'): JsonObject {
  return answer.toolName === undefined
    ? {
        id: `msg_${answer.id}`,
        type: 'message',
        status,
        role: 'assistant',
        content: status === 'completed' ? [textPart(text)] : [],
      }
    : {
        id: `fc_${answer.id}`,
        type: 'function_call',
        status,
        call_id: `call_${answer.id}`,
        name: answer.toolName,
        arguments: text,
      };
}

function frames(answer: Answer): SseFrame[] {
  const all: SseFrame[] = [];
  const emit = (type: string, members: JsonObject): void => {
    all.push(frame({ type, ...members, sequence_number: all.length }, type));
  };
  const text = answer.pieces.join('');
  const begun = itemOf(answer, '', 'in_progress');
  const at = { item_id: begun['id']!, output_index: 0 };
  emit('response.created', { response: response(answer, 'in_progress', []) });
  emit('response.in_progress', { response: response(answer, 'in_progress', []) });
  emit('response.output_item.added', { output_index: 0, item: begun });
  if (answer.toolName === undefined) {
    const part = { ...at, content_index: 0 };
    emit('response.content_part.added', { ...part, part: textPart('') });
    for (const delta of answer.pieces) emit('response.output_text.delta', { ...part, delta, logprobs: [] });
    emit('response.output_text.done', { ...part, text, logprobs: [] });
    emit('response.content_part.done', { ...part, part: textPart(text) });
  } else {
    for (const delta of answer.pieces) emit('response.function_call_arguments.delta', { ...at, delta });
    emit('response.function_call_arguments.done', { ...at, name: answer.toolName, arguments: text });
  }
  emit('response.output_item.done', { output_index: 0, item: itemOf(answer) });
  const status = answer.isCut ? 'incomplete' : 'completed';
  emit(`response.${status}`, { response: response(answer, status, [itemOf(answer)]) });
  return all;
}

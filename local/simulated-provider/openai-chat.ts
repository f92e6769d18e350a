/** OpenAI's `POST /v1/chat/completions`. */
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
import { countTokens, textOf } from './tokens.ts';

export const openaiChat: SimulatedEndpoint = {
  name: 'openai-chat',
  dialect: 'openai',
  path: '/v1/chat/completions',
  isFree: false,
  read,
  plain,
  frames,
  errorFrame: (message) => frame({ error: { message, type: 'server_error', param: null, code: null } }),
};

function read(body: JsonObject): Asked | string {
  const model = textMember(body, 'model');
  if (model === undefined) return 'you must provide a model parameter';
  const messages = body['messages'];
  if (!Array.isArray(messages)) return "Missing required parameter: 'messages'.";
  return {
    model,
    stream: body['stream'] === true,
    prompt: lastUserText(messages),
    inputTokens: countTokens(messages) + countTokens(body['tools']),
    outputTokensMax: countMember(body, 'max_completion_tokens') ?? countMember(body, 'max_tokens'),
    choices: countMember(body, 'n') ?? 1,
    serviceTier: tierOf(body),
    firstTool: firstTool(body),
  };
}

export function lastUserText(messages: JsonValue[]): string {
  const last = messages.filter((message) => isObject(message) && message['role'] === 'user').at(-1);
  return last === undefined ? '' : textOf((last as JsonObject)['content']);
}

/** What `auto` becomes, and what is served when nothing is asked. */
export const tierOf = (body: JsonObject): string => {
  const asked = textMember(body, 'service_tier');
  return asked === undefined || asked === 'auto' ? 'default' : asked;
};

function firstTool(body: JsonObject): string | undefined {
  const [tool] = Array.isArray(body['tools']) ? body['tools'] : [];
  const named = isObject(tool) && tool['function'];
  return isObject(named) ? textMember(named, 'name') : undefined;
}

function usageOf({ tokens, directives }: Answer): { usage?: JsonValue } {
  const prompt = tokens.input + tokens.cacheRead + tokens.cacheWrite + tokens.cacheWrite1h;
  const usage = {
    prompt_tokens: prompt,
    completion_tokens: tokens.output,
    total_tokens: prompt + tokens.output,
    prompt_tokens_details: { cached_tokens: tokens.cacheRead, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: tokens.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
  return usageMember(usage, directives);
}

const finishReason = ({ toolName, isCut }: Answer): string =>
  isCut ? 'length' : toolName === undefined ? 'stop' : 'tool_calls';

function head(answer: Answer, object: string): JsonObject {
  return {
    id: `chatcmpl-${answer.id}`,
    object,
    created: answer.createdSeconds,
    model: answer.servedModel,
    ...(answer.serviceTier !== undefined && { service_tier: answer.serviceTier }),
    system_fingerprint: 'fp_simulated',
  };
}

const indices = ({ asked }: Answer): number[] => Array.from({ length: asked.choices }, (_, i) => i);

function plain(answer: Answer): JsonObject {
  const text = answer.pieces.join('');
  const said: JsonObject =
    answer.toolName === undefined
      ? { content: text }
      : { content: null, tool_calls: [toolCall(answer, answer.toolName, text)] };
  return {
    ...head(answer, 'chat.completion'),
    choices: indices(answer).map((index) => ({
      index,
      message: { role: 'assistant', ...said, refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: finishReason(answer),
    })),
    ...usageOf(answer),
  };
}

const toolCall = ({ id }: Answer, name: string, text: string): JsonObject => ({
  id: `call_${id}`,
  type: 'function',
  function: { name, arguments: text },
});

function frames(answer: Answer): SseFrame[] {
  const { toolName } = answer;
  const options = answer.body['stream_options'];
  const isUsageAsked = isObject(options) && options['include_usage'] === true;
  const base = {
    ...head(answer, 'chat.completion.chunk'),
    ...(isUsageAsked && { usage: null }),
  };
  const chunk = (index: number, delta: JsonObject, finish: string | null = null): SseFrame =>
    frame({ ...base, choices: [{ index, delta, logprobs: null, finish_reason: finish }] });
  const pieceOf = (text: string): JsonObject =>
    toolName === undefined
      ? { content: text }
      : { tool_calls: [{ index: 0, function: { arguments: text } }] };
  const begin: JsonObject =
    toolName === undefined
      ? { role: 'assistant', content: '', refusal: null }
      : { role: 'assistant', content: null, tool_calls: [{ index: 0, ...toolCall(answer, toolName, '') }] };

  const all = indices(answer).map((index) => chunk(index, begin));
  for (const piece of answer.pieces)
    all.push(...indices(answer).map((index) => chunk(index, pieceOf(piece))));
  all.push(...indices(answer).map((index) => chunk(index, {}, finishReason(answer))));
  if (isUsageAsked) {
    const usage = usageOf(answer);
    if (usage.usage !== undefined) all.push(frame({ ...base, choices: [], ...usage }));
  }
  all.push({ data: '[DONE]' });
  return all;
}

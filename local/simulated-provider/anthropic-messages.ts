/** Anthropic's `POST /v1/messages`, and its free `/v1/messages/count_tokens`. */
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
import { lastUserText } from './openai-chat.ts';
import { countTokens } from './tokens.ts';

export const anthropicMessages: SimulatedEndpoint = {
  name: 'anthropic-messages',
  dialect: 'anthropic',
  path: '/v1/messages',
  isFree: false,
  read: (body) => (countMember(body, 'max_tokens') === undefined ? 'max_tokens: Field required' : read(body)),
  plain: (answer) => message(answer, [blockOf(answer)], usageOf(answer)),
  frames,
  errorFrame: (text) => frame({ type: 'error', error: { type: 'overloaded_error', message: text } }, 'error'),
};

export const anthropicCountTokens: SimulatedEndpoint = {
  ...anthropicMessages,
  name: 'anthropic-count-tokens',
  path: '/v1/messages/count_tokens',
  isFree: true,
  read,
  plain: ({ asked }) => ({ input_tokens: asked.inputTokens }),
};

function read(body: JsonObject): Asked | string {
  const model = textMember(body, 'model');
  if (model === undefined) return 'model: Field required';
  const messages = body['messages'];
  if (!Array.isArray(messages)) return 'messages: Field required';
  const [tool] = Array.isArray(body['tools']) ? body['tools'] : [];
  const tier = textMember(body, 'service_tier');
  return {
    model,
    stream: body['stream'] === true,
    prompt: lastUserText(messages),
    inputTokens: countTokens(messages) + countTokens(body['system']) + countTokens(body['tools']),
    outputTokensMax: countMember(body, 'max_tokens'),
    choices: 1,
    serviceTier: tier === undefined || tier === 'auto' || tier === 'standard_only' ? 'standard' : tier,
    firstTool: isObject(tool) ? textMember(tool, 'name') : undefined,
  };
}

function usageObject({ tokens, serviceTier, directives }: Answer): JsonObject {
  return {
    input_tokens: tokens.input,
    cache_creation_input_tokens: tokens.cacheWrite + tokens.cacheWrite1h,
    cache_read_input_tokens: tokens.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: tokens.cacheWrite,
      ephemeral_1h_input_tokens: tokens.cacheWrite1h,
    },
    output_tokens: tokens.output,
    service_tier: serviceTier ?? 'standard',
    ...(directives.geo !== undefined && { inference_geo: directives.geo }),
  };
}
const usageOf = (answer: Answer): { usage?: JsonValue } =>
  usageMember(usageObject(answer), answer.directives);

const stopReason = ({ toolName, isCut }: Answer): string =>
  isCut ? 'max_tokens' : toolName === undefined ? 'end_turn' : 'tool_use';

function message(answer: Answer, content: JsonObject[], usage: { usage?: JsonValue }): JsonObject {
  const isOver = content.length > 0;
  return {
    id: `msg_${answer.id}`,
    type: 'message',
    role: 'assistant',
    model: answer.servedModel,
    content,
    stop_reason: isOver ? stopReason(answer) : null,
    stop_sequence: null,
    ...usage,
  };
}

function blockOf(answer: Answer): JsonObject {
  const text = answer.pieces.join('');
  if (answer.toolName === undefined) return { type: 'text', text };
  return {
    type: 'tool_use',
    id: `toolu_${answer.id}`,
    name: answer.toolName,
    input: JSON.parse(text) as JsonObject,
  };
}

/** At the start one output token is counted, as the real one does; `message_delta` carries the totals. */
function frames(answer: Answer): SseFrame[] {
  const { toolName, directives } = answer;
  const event = (type: string, members: JsonObject = {}): SseFrame => frame({ type, ...members }, type);
  const atStart = usageMember({ ...usageObject(answer), output_tokens: 1 }, directives);
  const totals = usageObject(answer);
  const block: JsonObject =
    toolName === undefined
      ? { type: 'text', text: '' }
      : { type: 'tool_use', id: `toolu_${answer.id}`, name: toolName, input: {} };
  const delta = (text: string): JsonObject =>
    toolName === undefined ? { type: 'text_delta', text } : { type: 'input_json_delta', partial_json: text };
  return [
    event('message_start', { message: message(answer, [], atStart) }),
    event('content_block_start', { index: 0, content_block: block }),
    event('ping'),
    ...answer.pieces.map((text) => event('content_block_delta', { index: 0, delta: delta(text) })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', {
      delta: { stop_reason: stopReason(answer), stop_sequence: null },
      ...usageMember(totals, directives),
    }),
    event('message_stop'),
  ];
}

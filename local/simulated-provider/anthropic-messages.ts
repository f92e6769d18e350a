/** POST /v1/messages and /v1/messages/count_tokens (API reference and @anthropic-ai/sdk 1.12.0 typings, checked 2026-11-24). */
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';
import { anthropic } from './anthropic-dialect.ts';
import { directiveText } from './directives.ts';
import {
  FREE_WORDS,
  namedEvent,
  refuse,
  reportedUsage,
  TEXT_WORDS,
  type SimulatedEndpoint,
  type StreamedAnswer,
  type Generation,
} from './endpoint.ts';
import { countTokens, inPieces } from './tokens.ts';

type Read = ReturnType<SimulatedEndpoint['read']>;

export const anthropicMessages: SimulatedEndpoint = {
  name: 'anthropic-messages',
  dialect: anthropic,
  words: new Set([...TEXT_WORDS, 'cache-write-1h', 'geo']),
  makesText: true,
  isFree: false,
  read(body) {
    const limit = body['max_tokens'];
    if (limit === undefined) return refuse('max_tokens: Field required', 'max_tokens');
    if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 0) {
      return refuse('max_tokens: Input should be a valid integer', 'max_tokens');
    }
    return read(body, limit);
  },
  answer: (made) =>
    messageOf(made, { content: [blockOf(made)], stop: stopReason(made), usage: usageOf(made) }),
  stream,
};

export const anthropicCountTokens: SimulatedEndpoint = {
  name: 'anthropic-count-tokens',
  dialect: anthropic,
  words: FREE_WORDS,
  makesText: false,
  isFree: true,
  read: (body) => read(body, undefined),
  answer: ({ tokens }) => ({ input_tokens: tokens.input }),
  stream: undefined,
};

function read(body: JsonObject, outputTokensMax: number | undefined): Read {
  const { model, messages, system, tools } = body;
  if (typeof model !== 'string' || model === '') return refuse('model: Field required', 'model');
  if (!Array.isArray(messages) || messages.length === 0) {
    return refuse('messages: Field required', 'messages');
  }
  return {
    asked: {
      body,
      model,
      stream: body['stream'] === true,
      prompt: directiveText(messages),
      inputTokens: countTokens(messages) + countTokens(system) + countTokens(tools),
      outputTokensMax,
      choices: 1,
      serviceTier: 'standard',
      tools: toolNames(tools),
    },
  };
}

/** Tools of Anthropic's own have a type; the caller's have none, or `custom`. */
function toolNames(tools: JsonValue | undefined): string[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool) => {
    if (!isObject(tool) || (tool['type'] ?? 'custom') !== 'custom') return [];
    return typeof tool['name'] === 'string' ? [tool['name']] : [];
  });
}

const stopReason = ({ isCut, tool }: Generation): string =>
  isCut ? 'max_tokens' : tool ? 'tool_use' : 'end_turn';

function messageOf(
  { id, model, directives }: Generation,
  { content, stop, usage }: { content: JsonValue[]; stop: string | null; usage: JsonObject },
): JsonObject {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: stop,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: reportedUsage(usage, directives),
  };
}

function blockOf({ id, tool, text }: Generation): JsonObject {
  if (!tool) return { type: 'text', text, citations: null };
  const input = JSON.parse(tool.arguments) as JsonObject;
  return { type: 'tool_use', id: `toolu_${id}`, name: tool.name, input, caller: { type: 'direct' } };
}

function stream(made: Generation): StreamedAnswer {
  const { tool, text, chunks, directives } = made;
  // The start knows the input; the one output token is a placeholder, as at the real API.
  const placeholder = { ...usageOf(made), output_tokens: 1, output_tokens_details: null };
  const emptyBlock = { ...blockOf(made), ...(tool ? { input: {} } : { text: '' }) };
  const delta = (piece: string): JsonObject =>
    tool ? { type: 'input_json_delta', partial_json: piece } : { type: 'text_delta', text: piece };
  return {
    opening: [
      namedEvent({
        type: 'message_start',
        message: messageOf(made, { content: [], stop: null, usage: placeholder }),
      }),
      namedEvent({ type: 'content_block_start', index: 0, content_block: emptyBlock }),
      namedEvent({ type: 'ping' }),
    ],
    content: inPieces(tool?.arguments ?? text, chunks).map((piece) =>
      namedEvent({ type: 'content_block_delta', index: 0, delta: delta(piece) }),
    ),
    closing: [
      namedEvent({ type: 'content_block_stop', index: 0 }),
      namedEvent({
        type: 'message_delta',
        delta: { stop_reason: stopReason(made), stop_sequence: null, stop_details: null, container: null },
        usage: reportedUsage(cumulativeUsage(made), directives),
      }),
      namedEvent({ type: 'message_stop' }),
    ],
    failure: () => namedEvent({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  };
}

function cumulativeUsage({ tokens }: Generation): JsonObject {
  return {
    input_tokens: tokens.input,
    cache_creation_input_tokens: tokens.cacheWrite + tokens.cacheWrite1h,
    cache_read_input_tokens: tokens.cacheRead,
    output_tokens: tokens.output,
    output_tokens_details: { thinking_tokens: tokens.reasoning },
    server_tool_use: null,
  };
}

function usageOf(made: Generation): JsonObject {
  const { tokens, serviceTier, directives, asked } = made;
  return {
    ...cumulativeUsage(made),
    cache_creation: {
      ephemeral_5m_input_tokens: tokens.cacheWrite,
      ephemeral_1h_input_tokens: tokens.cacheWrite1h,
    },
    service_tier: serviceTier,
    inference_geo: directives.geo ?? asked.body['inference_geo'] ?? 'global',
    speed: asked.body['speed'] ?? 'standard',
  };
}

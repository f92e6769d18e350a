/** POST /model/{id}/converse and /converse-stream (client-bedrock-runtime 3.1164.0 typings, checked 2026-11-30). */
import { encodeMessage, EVENT_STREAM } from '../../lambdas/adapters/providers/bedrock/event-stream.ts';
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';
import { bedrock } from './bedrock-dialect.ts';
import { directiveText } from './directives.ts';
import {
  isPositiveInteger,
  refuse,
  reportedUsage,
  TEXT_WORDS,
  type Generation,
  type SimulatedEndpoint,
  type StreamedAnswer,
} from './endpoint.ts';
import { countTokens, inPieces } from './tokens.ts';

type Read = ReturnType<SimulatedEndpoint['read']>;

export function bedrockConverse(model: string, streams: boolean): SimulatedEndpoint {
  return {
    name: 'bedrock-converse',
    dialect: bedrock,
    // No answer of this API names its model.
    words: new Set([...TEXT_WORDS, 'cache-write-1h' as const].filter((word) => word !== 'served')),
    makesText: true,
    isFree: false,
    read: (body) => read(model, streams, body),
    answer: (made) => ({
      metrics: { latencyMs: 1 },
      output: { message: { role: 'assistant', content: [blockOf(made)] } },
      stopReason: stopReason(made),
      ...closingFacts(made),
    }),
    stream,
  };
}

function read(model: string, stream: boolean, body: JsonObject): Read {
  const { messages, system, toolConfig, inferenceConfig, serviceTier } = body;
  if (!Array.isArray(messages) || messages.length === 0) return refuse('messages: required', 'messages');
  const limit = isObject(inferenceConfig) ? inferenceConfig['maxTokens'] : undefined;
  if (limit !== undefined && !isPositiveInteger(limit)) return refuse('maxTokens: must be at least 1');
  const problem = problemOfMetadata(body['requestMetadata']);
  if (problem !== undefined) return refuse(problem, 'requestMetadata');
  const tier = isObject(serviceTier) ? serviceTier['type'] : undefined;
  return {
    asked: {
      body,
      model,
      stream,
      prompt: directiveText(messages),
      inputTokens: countTokens(messages) + countTokens(system) + countTokens(toolConfig),
      outputTokensMax: limit,
      choices: 1,
      serviceTier: typeof tier === 'string' ? tier : 'default',
      tools: toolNames(toolConfig),
    },
  };
}

/** What AWS takes (API reference of Converse): 16 entries, names and values of its own few characters. */
const METADATA_TEXT = /^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$/;

function problemOfMetadata(metadata: JsonValue | undefined): string | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  const entries = isObject(metadata) ? Object.entries(metadata) : [];
  if (entries.length === 0 || entries.length > 16) return 'requestMetadata: must have 1 to 16 entries';
  const isFit = entries.every(
    ([name, value]) =>
      name !== '' && METADATA_TEXT.test(name) && typeof value === 'string' && METADATA_TEXT.test(value),
  );
  return isFit ? undefined : 'requestMetadata: must satisfy its regular expression';
}

function toolNames(toolConfig: JsonValue | undefined): string[] {
  const tools = isObject(toolConfig) ? toolConfig['tools'] : undefined;
  return (Array.isArray(tools) ? tools : []).flatMap((tool) => {
    const spec = isObject(tool) ? tool['toolSpec'] : undefined;
    return isObject(spec) && typeof spec['name'] === 'string' ? [spec['name']] : [];
  });
}

const stopReason = ({ isCut, tool }: Generation): string =>
  isCut ? 'max_tokens' : tool ? 'tool_use' : 'end_turn';

function blockOf({ id, tool, text }: Generation): JsonObject {
  if (!tool) return { text };
  const input = JSON.parse(tool.arguments) as JsonObject;
  return { toolUse: { toolUseId: `tooluse_${id}`, name: tool.name, input } };
}

/** Beside the answer, and in the last event of a stream. */
function closingFacts({ tokens, directives, serviceTier }: Generation): JsonObject {
  const { input, output, cacheRead, cacheWrite, cacheWrite1h } = tokens;
  const usage = {
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output + cacheRead + cacheWrite + cacheWrite1h,
    cacheReadInputTokens: cacheRead,
    cacheWriteInputTokens: cacheWrite + cacheWrite1h,
    ...(cacheWrite + cacheWrite1h > 0 && {
      cacheDetails: [
        { ttl: '1h', inputTokens: cacheWrite1h },
        { ttl: '5m', inputTokens: cacheWrite },
      ].filter(({ inputTokens }) => inputTokens > 0),
    }),
  };
  return { usage: reportedUsage(usage, directives), serviceTier: { type: serviceTier } };
}

const event = (name: string, data: JsonObject): Uint8Array =>
  encodeMessage(`event/${name}`, JSON.stringify(data));

function stream(made: Generation): StreamedAnswer {
  const { id, tool, text, chunks } = made;
  const contentBlockIndex = 0;
  const start = tool && { toolUse: { toolUseId: `tooluse_${id}`, name: tool.name } };
  const delta = (piece: string): JsonObject => (tool ? { toolUse: { input: piece } } : { text: piece });
  return {
    contentType: EVENT_STREAM,
    opening: [
      // Real ones are padded like this, so that their length does not tell their text.
      event('messageStart', { role: 'assistant', p: 'abcdefghij' }),
      ...(start ? [event('contentBlockStart', { contentBlockIndex, start })] : []),
    ],
    content: inPieces(tool?.arguments ?? text, chunks).map((piece) =>
      event('contentBlockDelta', { contentBlockIndex, delta: delta(piece), p: 'abc' }),
    ),
    closing: [
      event('contentBlockStop', { contentBlockIndex }),
      event('messageStop', { stopReason: stopReason(made) }),
      event('metadata', { metrics: { latencyMs: 1 }, ...closingFacts(made) }),
    ],
    failure: () =>
      encodeMessage(
        'exception/modelStreamErrorException',
        JSON.stringify({ message: 'The model failed: simulated.', originalStatusCode: 500 }),
      ),
  };
}

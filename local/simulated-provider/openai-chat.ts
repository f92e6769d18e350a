/** POST /v1/chat/completions (API reference and openai 7.57.0 typings, checked 2026-11-24). */
import { isObject, type JsonObject, type JsonValue } from '../../lambdas/core/json-document.ts';
import { directiveText } from './directives.ts';
import {
  dataEvent,
  isPositiveInteger,
  refuse,
  reportedUsage,
  TEXT_WORDS,
  type SimulatedEndpoint,
  type StreamedAnswer,
  type Generation,
} from './endpoint.ts';
import { openAi, tierServed, toolNames } from './openai-dialect.ts';
import { countTokens, inPieces } from './tokens.ts';

export const openAiChat: SimulatedEndpoint = {
  name: 'openai-chat',
  dialect: openAi,
  words: TEXT_WORDS,
  makesText: true,
  isFree: false,
  read,
  answer,
  stream,
};

const CHOICES_MAX = 128;

function read(body: JsonObject): ReturnType<SimulatedEndpoint['read']> {
  const { model, messages, n, tools, functions, response_format: format } = body;
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter', 'model');
  if (!Array.isArray(messages) || messages.length === 0) {
    return refuse("Missing required parameter: 'messages'.", 'messages');
  }
  const outputTokensMax = body['max_completion_tokens'] ?? body['max_tokens'] ?? undefined;
  if (outputTokensMax !== undefined && !isPositiveInteger(outputTokensMax)) {
    return refuse('The output limit must be an integer of at least 1.', 'max_completion_tokens');
  }
  const choices = n ?? 1;
  if (!isPositiveInteger(choices) || choices > CHOICES_MAX) {
    return refuse(`'n' must be an integer from 1 to ${CHOICES_MAX}.`, 'n');
  }
  return {
    asked: {
      body,
      model,
      stream: body['stream'] === true,
      prompt: directiveText(messages),
      inputTokens: [messages, tools, functions, format].reduce<number>(
        (sum, part) => sum + countTokens(part),
        0,
      ),
      outputTokensMax,
      choices,
      serviceTier: tierServed(body),
      tools: toolNames(tools),
    },
  };
}

const finishReason = ({ isCut, tool }: Generation): string =>
  isCut ? 'length' : tool ? 'tool_calls' : 'stop';

function answer(made: Generation): JsonObject {
  return {
    ...head(made, 'chat.completion'),
    choices: choicesOf(made).map((index) => ({
      index,
      message: {
        role: 'assistant',
        content: made.tool ? null : made.text,
        ...(made.tool && { tool_calls: [toolCall(made, index)] }),
        refusal: null,
        annotations: [],
      },
      logprobs: null,
      finish_reason: finishReason(made),
    })),
    usage: reportedUsage(usageOf(made), made.directives),
    service_tier: made.serviceTier,
    system_fingerprint: 'fp_simulated',
  };
}

function stream(made: Generation): StreamedAnswer {
  const { tool, text, chunks, directives, asked } = made;
  const options = asked.body['stream_options'];
  const withUsage = isObject(options) && options['include_usage'] === true;
  const chunk = (choices: JsonValue[], usage: JsonObject | null): string =>
    dataEvent({
      ...head(made, 'chat.completion.chunk'),
      service_tier: made.serviceTier,
      system_fingerprint: 'fp_simulated',
      choices,
      ...(withUsage && { usage }),
    });
  const eachChoice = (delta: (index: number) => JsonObject, finish: string | null = null): string[] =>
    choicesOf(made).map((index) =>
      chunk([{ index, delta: delta(index), logprobs: null, finish_reason: finish }], null),
    );

  const usage = withUsage ? reportedUsage(usageOf(made), directives) : undefined;
  return {
    opening: eachChoice((index) =>
      tool
        ? { role: 'assistant', content: null, tool_calls: [{ index: 0, ...toolCall(made, index, '') }] }
        : { role: 'assistant', content: '', refusal: null },
    ),
    content: inPieces(tool?.arguments ?? text, chunks).flatMap((piece) =>
      eachChoice(() =>
        tool ? { tool_calls: [{ index: 0, function: { arguments: piece } }] } : { content: piece },
      ),
    ),
    closing: [
      ...eachChoice(() => ({}), finishReason(made)),
      ...(usage ? [chunk([], usage)] : []),
      'data: [DONE]\n\n',
    ],
    failure: () => dataEvent(openAi.error(500, undefined, '')),
  };
}

function head({ id, createdAtEpochSeconds, model }: Generation, object: string): JsonObject {
  return { id: `chatcmpl-${id}`, object, created: createdAtEpochSeconds, model };
}

const choicesOf = ({ asked }: Generation): number[] =>
  Array.from({ length: asked.choices }, (_, index) => index);

function toolCall({ id, tool }: Generation, choice: number, text = tool!.arguments): JsonObject {
  return { id: `call_${id}_${choice}`, type: 'function', function: { name: tool!.name, arguments: text } };
}

function usageOf({ tokens }: Generation): JsonObject {
  const prompt = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  return {
    prompt_tokens: prompt,
    completion_tokens: tokens.output,
    total_tokens: prompt + tokens.output,
    prompt_tokens_details: {
      cached_tokens: tokens.cacheRead,
      cache_write_tokens: tokens.cacheWrite,
      audio_tokens: 0,
    },
    completion_tokens_details: {
      reasoning_tokens: tokens.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** POST /v1/images/generations (API reference and openai 7.57.0 typings, checked 2026-11-29). */
import type { JsonObject } from '../../lambdas/core/json-document.ts';
import {
  isPositiveInteger,
  MEDIA_WORDS,
  namedEvent,
  refuse,
  reportedUsage,
  type Generation,
  type SimulatedEndpoint,
  type StreamedAnswer,
} from './endpoint.ts';
import { openAi } from './openai-dialect.ts';
import { countTokens } from './tokens.ts';

export const openAiImages: SimulatedEndpoint = {
  name: 'openai-images',
  dialect: openAi,
  words: MEDIA_WORDS,
  makesText: false,
  isFree: false,
  read,
  answer,
  stream,
};

const IMAGE_TOKENS = 40;
const PARTIAL_IMAGE_TOKENS = 100;
/** One transparent pixel. */
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==';

function read(body: JsonObject): ReturnType<SimulatedEndpoint['read']> {
  const { model, prompt, n, stream } = body;
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter', 'model');
  if (typeof prompt !== 'string') return refuse("Missing required parameter: 'prompt'.", 'prompt');
  const choices = n ?? 1;
  if (!isPositiveInteger(choices) || choices > 10) return refuse("'n' must be from 1 to 10.", 'n');
  return {
    asked: {
      body,
      model,
      stream: stream === true,
      prompt,
      inputTokens: countTokens(prompt),
      madeTokens: IMAGE_TOKENS + partialImages(body) * PARTIAL_IMAGE_TOKENS,
      outputTokensMax: undefined,
      choices,
      serviceTier: null,
      tools: [],
    },
  };
}

const partialImages = ({ stream, partial_images: partial }: JsonObject): number =>
  stream === true && isPositiveInteger(partial) ? partial : 0;

function usageOf({ tokens, directives }: Generation): JsonObject | undefined {
  const usage = {
    input_tokens: tokens.input,
    output_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
    input_tokens_details: { text_tokens: tokens.input, image_tokens: 0 },
  };
  return reportedUsage(usage, directives);
}

function answer(made: Generation): JsonObject {
  return {
    created: made.createdAtEpochSeconds,
    background: 'opaque',
    data: Array.from({ length: made.asked.choices }, () => ({ b64_json: PIXEL })),
    output_format: 'png',
    quality: 'low',
    size: '1024x1024',
    usage: usageOf(made),
  };
}

function stream(made: Generation): StreamedAnswer {
  const event = (type: string, more: JsonObject): string =>
    namedEvent({
      type,
      b64_json: PIXEL,
      created_at: made.createdAtEpochSeconds,
      background: 'opaque',
      output_format: 'png',
      quality: 'low',
      size: '1024x1024',
      ...more,
    });
  return {
    opening: [],
    content: Array.from({ length: partialImages(made.asked.body) }, (_, index) =>
      event('image_generation.partial_image', { partial_image_index: index }),
    ),
    closing: [event('image_generation.completed', { usage: usageOf(made) })],
    failure: () => namedEvent({ type: 'error', ...openAi.error(500, undefined, '') }),
  };
}

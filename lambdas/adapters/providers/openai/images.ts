/** POST /v1/images/generations (OpenAI API reference and openai 7.57.0 typings, checked 2026-11-29). */
import { BARE_SHAPE, type CallShape, type JsonEndpoint } from '../../../core/endpoint.ts';
import type { JsonDocument, JsonObject } from '../../../core/json-document.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { passed, type Stepped } from '../../../core/refusals.ts';
import { usageReaderFor } from '../usage-readers.ts';
import { imageTokensMax, PARTIAL_IMAGE_TOKENS } from './image-tokens.ts';
import { LastEventMeter } from './last-event-meter.ts';
import { invalid, isPositiveInteger, notMeterable } from './request-parts.ts';

export const openAiImages: JsonEndpoint = {
  body: 'json',
  name: 'openai-images',
  dialect: 'openai',
  upstream: 'openai',
  upstreamPath: '/v1/images/generations',
  readCall,
  bodyFor: ({ text }) => text,
  readUsage: readImageUsage,
  readServedModel: () => undefined,
  meterStream: ({ card, costOf }) =>
    new LastEventMeter({
      lastType: 'image_generation.completed',
      readUsage: (event) => readImageUsage(event, card),
      costOf,
    }),
};

const IMAGES_MAX = 10;
const PARTIAL_IMAGES_MAX = 3;

function readCall({ value: body }: JsonDocument): Stepped<CallShape> {
  const { model, quality, size } = body;
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  if (typeof body['prompt'] !== 'string') return invalid('"prompt" must be a string.', 'prompt');
  const n = body['n'] ?? 1;
  if (!isPositiveInteger(n) || n > IMAGES_MAX) return invalid('"n" must be between 1 and 10.', 'n');
  const partial = body['partial_images'] ?? 0;
  if (partial !== 0 && (!isPositiveInteger(partial) || partial > PARTIAL_IMAGES_MAX)) {
    return invalid('"partial_images" must be between 0 and 3.', 'partial_images');
  }
  const streaming = body['stream'] === true;
  if (streaming && n > 1) {
    return notMeterable('A stream of several images tells no usage of all; ask for one image each.', 'n');
  }
  const unmeterable = unmeterableMember(body);
  if (unmeterable !== undefined) {
    return notMeterable(`What "${unmeterable}" costs cannot be bounded here; leave it out.`, unmeterable);
  }
  const tokens = imageTokensMax({ model, quality, size });
  return passed({
    ...BARE_SHAPE,
    model,
    streaming,
    output: 'fixed',
    outputTokensAsked: tokens === undefined ? undefined : tokens + BigInt(partial) * PARTIAL_IMAGE_TOKENS,
    choices: BigInt(n),
    media: ['image'],
    wantsStreamUsage: true,
  });
}

/** They make a model plan or write longer, or another one take part, by an amount that nobody documents. */
const UNBOUNDED_MEMBERS = ['complexity', 'prompt_rewriter', 'svg', 'frame_count', 'frame_duration_ms'];
const FORMATS: ReadonlySet<unknown> = new Set(['png', 'jpeg', 'webp', undefined, null]);

function unmeterableMember(body: JsonObject): string | undefined {
  if (!FORMATS.has(body['output_format'])) return 'output_format';
  return UNBOUNDED_MEMBERS.find((name) => body[name] !== undefined && body[name] !== null);
}

function readImageUsage(answer: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = answer;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('openai-images', card.provider)({ usage, response: answer });
}

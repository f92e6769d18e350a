/** POST /v1/chat/completions (OpenAI API reference and openai 7.57.0 typings, checked 2026-11-24). */
import {
  BARE_SHAPE,
  servedModelOf,
  withCost,
  type BodyEdits,
  type CallShape,
  type CostWriter,
  type JsonEndpoint,
  type Metered,
  type StreamEvent,
  type StreamMeter,
} from '../../../core/endpoint.ts';
import { isObject, readJsonObject, type JsonDocument, type JsonObject } from '../../../core/json-document.ts';
import { withMember } from '../../../core/json-edits.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { passed, type Stepped } from '../../../core/refusals.ts';
import { usageReaderFor } from '../usage-readers.ts';
import { errorFrame } from './error-frame.ts';
import { chatNeeds } from './needs.ts';
import {
  cacheWritesOf,
  HIDDEN_TOKENS_WITH_TOOLS,
  inlineImageBytes,
  invalid,
  isPositiveInteger,
  notMeterable,
  providerTool,
  serviceTier,
  withUsageAsked,
} from './request-parts.ts';

export const openAiChat: JsonEndpoint = {
  body: 'json',
  name: 'openai-chat',
  dialect: 'openai',
  upstream: 'openai',
  upstreamPath: '/v1/chat/completions',
  readCall,
  bodyFor,
  readUsage: (answer, card) => readChatUsage(answer, card),
  readServedModel: servedModelOf,
  meterStream: (context) => new ChatStreamMeter(context),
};

function readCall({ value: body }: JsonDocument): Stepped<CallShape> {
  const { model } = body;
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  return readChatOf(model, body);
}

export function readChatOf(model: string, body: JsonObject): Stepped<CallShape> {
  if (!Array.isArray(body['messages'])) return invalid('"messages" must be an array.', 'messages');
  const limit = outputLimit(body);
  if (limit === 'invalid') {
    return invalid('The output limit must be a whole number of at least 1.', 'max_completion_tokens');
  }
  const choices = body['n'] ?? 1;
  if (!isPositiveInteger(choices) || choices > 128) return invalid('"n" must be between 1 and 128.', 'n');
  const tier = serviceTier(body['service_tier']);
  if (!tier)
    return notMeterable('This service tier has no price here; leave "service_tier" out.', 'service_tier');
  const unmeterable = unmeterableFeature(body);
  if (unmeterable) return notMeterable(unmeterable.message, unmeterable.param);

  const streamOptions = body['stream_options'];
  const images = imagesIn(body['messages']);
  return passed({
    ...BARE_SHAPE,
    model,
    streaming: body['stream'] === true,
    output: 'limited',
    outputTokensAsked: limit,
    outputTokensFloor: 1n,
    choices: BigInt(choices),
    hiddenInputTokens:
      'tools' in body || 'functions' in body || 'response_format' in body ? HIDDEN_TOKENS_WITH_TOOLS : 0n,
    cacheWrites: cacheWritesOf(body),
    ...tier,
    images,
    media: images.count > 0n ? ['image'] : [],
    wantsStreamUsage: isObject(streamOptions) && streamOptions['include_usage'] === true,
    needs: chatNeeds(body, images.count > 0n),
  });
}

/** `max_completion_tokens`, or its deprecated name; of both, the larger. */
function outputLimit(body: JsonObject): bigint | undefined | 'invalid' {
  let limit: bigint | undefined;
  for (const name of ['max_completion_tokens', 'max_tokens']) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    if (!isPositiveInteger(value)) return 'invalid';
    if (limit === undefined || BigInt(value) > limit) limit = BigInt(value);
  }
  return limit;
}

function unmeterableFeature(body: JsonObject): { message: string; param: string } | undefined {
  if (body['web_search_options'] !== undefined && body['web_search_options'] !== null) {
    return {
      message: 'Web search runs at the provider and cannot be bounded here.',
      param: 'web_search_options',
    };
  }
  const { modalities } = body;
  if (body['audio'] !== undefined && body['audio'] !== null) {
    return { message: 'Audio output cannot be metered here yet.', param: 'audio' };
  }
  if (Array.isArray(modalities) && modalities.some((modality) => modality !== 'text')) {
    return { message: 'Only text output can be metered here yet.', param: 'modalities' };
  }
  const tool = providerTool(body['tools']);
  if (tool !== undefined) {
    return {
      message: `A tool of type "${tool}" runs at the provider and cannot be bounded here.`,
      param: 'tools',
    };
  }
  if (namesEarlierAudio(body['messages'])) {
    return {
      message: 'Earlier audio is kept at the provider and cannot be bounded here.',
      param: 'messages',
    };
  }
  const part = unknownPart(body['messages']);
  return part === undefined
    ? undefined
    : { message: `A message part of type "${part}" cannot be bounded here.`, param: 'messages' };
}

/** An assistant's message may point at the audio of an earlier answer by its id. */
const namesEarlierAudio = (messages: JsonObject['messages']): boolean =>
  Array.isArray(messages) &&
  messages.some(
    (message) => isObject(message) && message['audio'] !== undefined && message['audio'] !== null,
  );

const TEXT_PARTS = new Set(['text', 'refusal', 'image_url']);

function* partsOf(messages: JsonObject['messages']): Generator<JsonObject> {
  if (!Array.isArray(messages)) return;
  for (const message of messages) {
    const content = isObject(message) ? message['content'] : undefined;
    if (!Array.isArray(content)) continue;
    for (const part of content) if (isObject(part)) yield part;
  }
}

function unknownPart(messages: JsonObject['messages']): string | undefined {
  for (const { type } of partsOf(messages)) {
    if (typeof type !== 'string') return 'untyped';
    if (!TEXT_PARTS.has(type)) return type;
  }
  return undefined;
}

function imagesIn(messages: JsonObject['messages']): CallShape['images'] {
  let count = 0n;
  let inlineBytes = 0n;
  for (const part of partsOf(messages)) {
    if (part['type'] !== 'image_url') continue;
    count += 1n;
    inlineBytes += inlineImageBytes(isObject(part['image_url']) ? part['image_url']['url'] : undefined);
  }
  return { count, inlineBytes };
}

function bodyFor(
  { text, value }: JsonDocument,
  shape: CallShape,
  { card, outputTokensMax }: BodyEdits,
): string {
  let body = text;
  if (outputTokensMax !== undefined) {
    const given = ['max_completion_tokens', 'max_tokens'].filter((name) => isPositiveInteger(value[name]));
    // OpenAI's newer models know only the first name, the compatible providers only the second.
    const names =
      given.length > 0 ? given : [card.provider === 'openai' ? 'max_completion_tokens' : 'max_tokens'];
    for (const name of names) body = withMember(body, [name], Number(outputTokensMax));
  }
  return shape.streaming ? withUsageAsked(body, value['stream_options']) : body;
}

function readChatUsage(answer: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = answer;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('openai-chat', card.provider)({ usage, response: answer });
}

class ChatStreamMeter implements StreamMeter {
  private reading: UsageReading | undefined;
  private model: string | undefined;
  private isDone = false;
  private hasFinished = false;
  private failed = false;
  private readonly context: { shape: CallShape; card: PriceCard; costOf: CostWriter };

  constructor(context: { shape: CallShape; card: PriceCard; costOf: CostWriter }) {
    this.context = context;
  }

  take(event: StreamEvent): Metered {
    if (event.data === '[DONE]') {
      this.isDone = true;
      return { pass: event, isLast: true };
    }
    const chunk = readJsonObject(event.data);
    if (!chunk) return { pass: event, isLast: false };
    this.model = servedModelOf(chunk) ?? this.model;
    if (chunk['error'] !== undefined) this.failed = true;
    if (hasFinishReason(chunk)) this.hasFinished = true;
    return { pass: this.metered(event, chunk), isLast: false };
  }

  private metered(event: StreamEvent, chunk: JsonObject): StreamEvent | null {
    const { shape, card, costOf } = this.context;
    const reading = readChatUsage(chunk, card);
    if (!reading) {
      // We asked for usage, so the provider says `"usage":null` on every chunk; a client that did not ask sees none.
      if (shape.wantsStreamUsage || chunk['usage'] !== null) return event;
      return { ...event, data: withMember(event.data, ['usage'], undefined) };
    }
    this.reading = reading;
    const isUsageOnly = Array.isArray(chunk['choices']) && chunk['choices'].length === 0;
    if (!shape.wantsStreamUsage) return isUsageOnly ? null : event;
    const members = costOf(reading);
    return members ? { ...event, data: withCost(event.data, ['usage'], members) } : event;
  }

  usage(): UsageReading | undefined {
    return this.reading;
  }
  isComplete(): boolean {
    // Compatible providers may leave [DONE] out; a finish reason and a usage block together say as much.
    return !this.failed && (this.isDone || (this.hasFinished && this.reading !== undefined));
  }
  servedModel(): string | undefined {
    return this.model;
  }
  sawError(): boolean {
    return this.failed;
  }
  brokenOff(message: string): StreamEvent[] {
    return [errorFrame(message)];
  }
}

function hasFinishReason(chunk: JsonObject): boolean {
  const { choices } = chunk;
  return (
    Array.isArray(choices) &&
    choices.some((choice) => isObject(choice) && typeof choice['finish_reason'] === 'string')
  );
}

/** POST /v1/responses (OpenAI API reference and openai 7.57.0 typings, checked 2026-11-24). */
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
import { sumOf } from '../../../core/money.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { passed, type Stepped } from '../../../core/refusals.ts';
import { usageReaderFor } from '../usage-readers.ts';
import { responsesNeeds } from './needs.ts';
import {
  cacheWritesOf,
  HIDDEN_TOKENS_WITH_TOOLS,
  inlineImageBytes,
  invalid,
  isPresent,
  isPositiveInteger,
  notMeterable,
  providerTool,
  serviceTier,
} from './request-parts.ts';

export const openAiResponses: JsonEndpoint = {
  body: 'json',
  name: 'openai-responses',
  dialect: 'openai',
  upstream: 'openai',
  upstreamPath: '/v1/responses',
  readCall,
  bodyFor,
  readUsage: readResponseUsage,
  readServedModel: servedModelOf,
  meterStream: (context) => new ResponsesStreamMeter(context),
};

function readCall({ value: body }: JsonDocument): Stepped<CallShape> {
  const { model } = body;
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  const limit = body['max_output_tokens'] ?? undefined;
  if (limit !== undefined && !isPositiveInteger(limit)) {
    return invalid('"max_output_tokens" must be a whole number of at least 1.', 'max_output_tokens');
  }
  const tier = serviceTier(body['service_tier']);
  if (!tier)
    return notMeterable('This service tier has no price here; leave "service_tier" out.', 'service_tier');
  const unmeterable = unmeterableFeature(body);
  if (unmeterable) return notMeterable(unmeterable.message, unmeterable.param);
  const items = itemsOf(body['input']);
  const unknown = items.find((item) => !KNOWN_ITEMS.has(typeOf(item)));
  if (unknown)
    return notMeterable(`An input item of type "${typeOf(unknown)}" cannot be bounded here.`, 'input');
  const part = partsOf(items).find(({ type }) => typeof type !== 'string' || !KNOWN_PARTS.has(type));
  if (part)
    return notMeterable(`A part of type ${JSON.stringify(part['type'])} cannot be bounded here.`, 'input');

  const images = imagesIn(items);
  return passed({
    ...BARE_SHAPE,
    model,
    streaming: body['stream'] === true,
    output: 'limited',
    outputTokensAsked: limit === undefined ? undefined : BigInt(limit),
    outputTokensFloor: 16n, // the API refuses less
    hiddenInputTokens: 'tools' in body || 'text' in body ? HIDDEN_TOKENS_WITH_TOOLS : 0n,
    cacheWrites: cacheWritesOf(body),
    ...tier,
    readsStoredState: STORED_STATE.some((name) => isPresent(body[name])) || items.some(isReference),
    images,
    media: images.count > 0n ? ['image'] : [],
    wantsStreamUsage: true,
    needs: responsesNeeds(body, items.map(typeOf), images.count > 0n),
  });
}

/** The answer goes on from state at the provider: its size is unknown here, the context window bounds it. */
const STORED_STATE = ['previous_response_id', 'conversation'];
const KNOWN_ITEMS = new Set([
  'message',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'reasoning',
  'item_reference',
]);
const KNOWN_PARTS = new Set([
  'input_text',
  'output_text',
  'refusal',
  'input_image',
  'summary_text',
  'reasoning_text',
]);

function unmeterableFeature(body: JsonObject): { message: string; param: string } | undefined {
  const tool = providerTool(body['tools']);
  if (tool !== undefined) {
    return {
      message: `A tool of type "${tool}" runs at the provider and cannot be bounded here.`,
      param: 'tools',
    };
  }
  if (isPresent(body['prompt'])) {
    return { message: 'Stored prompts hide what they send; put the prompt into "input".', param: 'prompt' };
  }
  if (body['background'] === true) {
    return {
      message: 'Background responses tell their usage to nobody here; leave "background" out.',
      param: 'background',
    };
  }
  if (isPresent(body['context_management'])) {
    return {
      message: 'Compaction at the provider is billed apart and cannot be bounded here.',
      param: 'context_management',
    };
  }
  return undefined;
}

const itemsOf = (input: JsonObject['input']): JsonObject[] =>
  Array.isArray(input) ? input.filter(isObject) : [];
/** A message may leave its type out. */
const typeOf = (item: JsonObject): string =>
  typeof item['type'] === 'string' ? item['type'] : 'role' in item ? 'message' : 'untyped';
const isReference = (item: JsonObject): boolean => typeOf(item) === 'item_reference';

function partsOf(items: JsonObject[]): JsonObject[] {
  return items.flatMap((item) =>
    [item['content'], item['output'], item['summary']].flatMap((parts) =>
      Array.isArray(parts) ? parts.filter(isObject) : [],
    ),
  );
}

function imagesIn(items: JsonObject[]): CallShape['images'] {
  const images = partsOf(items).filter(({ type }) => type === 'input_image');
  const inlineBytes = sumOf(images.map(({ image_url: url }) => inlineImageBytes(url)));
  return { count: BigInt(images.length), inlineBytes };
}

function bodyFor({ text }: JsonDocument, _shape: CallShape, { outputTokensMax }: BodyEdits): string {
  return outputTokensMax === undefined
    ? text
    : withMember(text, ['max_output_tokens'], Number(outputTokensMax));
}

function readResponseUsage(response: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = response;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('openai-responses', card.provider)({ usage, response });
}

/** Events that end a response; each carries the whole response, usage included. */
const LAST_EVENTS = new Set(['response.completed', 'response.incomplete', 'response.failed']);

class ResponsesStreamMeter implements StreamMeter {
  private reading: UsageReading | undefined;
  private model: string | undefined;
  private hasEnded = false;
  private failed = false;
  /** The response as its first event has it. */
  private begun: JsonObject | undefined;
  private nextNumber = 0;
  private readonly context: { card: PriceCard; costOf: CostWriter };

  constructor(context: { card: PriceCard; costOf: CostWriter }) {
    this.context = context;
  }

  take(event: StreamEvent): Metered {
    const data = readJsonObject(event.data);
    if (!data) return { pass: event, isLast: false };
    const { sequence_number: number } = data;
    if (typeof number === 'number') this.nextNumber = number + 1;
    if (isObject(data['response'])) {
      this.begun ??= data['response'];
      this.model = servedModelOf(data['response']) ?? this.model;
    }
    if (data['type'] === 'error') this.failed = true;
    const isLast = typeof data['type'] === 'string' && LAST_EVENTS.has(data['type']);
    if (!isLast || !isObject(data['response'])) return { pass: event, isLast: false };
    this.hasEnded = true;
    this.reading = readResponseUsage(data['response'], this.context.card);
    const members = this.reading && this.context.costOf(this.reading);
    const pass = members ? { ...event, data: withCost(event.data, ['response', 'usage'], members) } : event;
    return { pass, isLast: true };
  }

  usage(): UsageReading | undefined {
    return this.reading;
  }
  isComplete(): boolean {
    return this.hasEnded;
  }
  servedModel(): string | undefined {
    return this.model;
  }
  sawError(): boolean {
    return this.failed;
  }
  /** The response that was begun, failed: SDKs refuse another one, and a number that was there before. */
  brokenOff(message: string, requestId: string): StreamEvent[] {
    const begun = this.begun ?? { id: requestId, object: 'response', output: [] };
    const response = { ...begun, status: 'failed', error: { code: 'server_error', message } };
    const data = { type: 'response.failed', sequence_number: this.nextNumber, response };
    return [{ event: 'response.failed', id: undefined, data: JSON.stringify(data) }];
  }
}

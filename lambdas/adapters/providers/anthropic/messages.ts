/** POST /v1/messages (Anthropic API reference and @anthropic-ai/sdk 1.12.0 typings, checked 2026-11-24). */
import {
  BARE_SHAPE,
  withCost,
  type BodyEdits,
  type CallShape,
  type CostWriter,
  type JsonEndpoint,
  type Metered,
  type SseEvent,
  type StreamMeter,
} from '../../../core/endpoint.ts';
import {
  isObject,
  readJsonObject,
  withMember,
  type JsonDocument,
  type JsonObject,
  type JsonValue,
} from '../../../core/json-document.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { passed, refused, type Stepped } from '../../../core/refusals.ts';
import { usageReaderFor, usageReaders } from '../usage-readers.ts';

export const anthropicMessages: JsonEndpoint = {
  body: 'json',
  name: 'anthropic-messages',
  dialect: 'anthropic',
  upstream: 'anthropic',
  upstreamPath: '/v1/messages',
  readCall,
  bodyFor,
  readUsage: (answer, card) => readMessageUsage(answer, card),
  readServedModel: modelOf,
  meterStream: (context) => new MessageStreamMeter(context),
};

const invalid = (message: string, param: string) => refused({ code: 'invalid_request', message, param });
const notMeterable = (message: string, param: string) => refused({ code: 'not_meterable', message, param });

function readCall({ value: body }: JsonDocument): Stepped<CallShape> {
  const { model, max_tokens: limit, thinking } = body;
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  if (!Array.isArray(body['messages'])) return invalid('"messages" must be an array.', 'messages');
  if (!isCount(limit)) return invalid('"max_tokens" must be a whole number.', 'max_tokens');
  const budget = (isObject(thinking) ? thinking['budget_tokens'] : undefined) ?? 0;
  if (!isCount(budget)) return invalid('"budget_tokens" must be a whole number.', 'thinking');
  const unmeterable = unmeterableFeature(body);
  if (unmeterable) return notMeterable(unmeterable.message, unmeterable.param);
  const blocks = [...blocksOf(body)];
  const images = blocks.filter(({ type }) => type === 'image');

  return passed({
    ...BARE_SHAPE,
    model,
    streaming: body['stream'] === true,
    output: 'limited',
    outputTokensAsked: BigInt(limit),
    // The API refuses a limit that is not above the thinking budget.
    outputTokensFloor: BigInt(budget) + 1n,
    hiddenInputTokens: hiddenTokens(body),
    cacheWrites: cacheWrites(body),
    ...conditions(body),
    media: images.length > 0 ? ['image'] : [],
    images: {
      count: BigInt(images.length),
      inlineBytes: images.reduce((sum, block) => sum + inlineBytes(block), 0n),
    },
    wantsStreamUsage: true,
  });
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** A speed or a geography that no card prices is asked for all the same, and so refused. */
function conditions(body: JsonObject): Pick<CallShape, 'conditionsAsked' | 'conditionsPossible'> {
  const { speed, inference_geo: geo } = body;
  const asked: string[] = [];
  if (isNamed(speed) && speed !== 'standard') asked.push(`usage.speed=${told(speed)}`);
  // Without one the workspace's default decides; the US one costs more, where a model can be pinned at all.
  const mayBeUs = !isNamed(geo) || geo === 'us';
  if (!mayBeUs && geo !== 'global') asked.push(`usage.inference_geo=${told(geo)}`);
  return { conditionsAsked: asked, conditionsPossible: mayBeUs ? ['usage.inference_geo=us'] : [] };
}

const isNamed = (value: unknown): boolean => value !== undefined && value !== null;
const told = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** Members that make the provider do work which the body does not bound. */
const UNBOUNDED_MEMBERS: Record<string, string> = {
  mcp_servers: 'MCP servers are called by the provider and cannot be bounded here.',
  container: 'Containers keep state at the provider and cannot be bounded here.',
  context_management: 'Context management at the provider is billed apart and cannot be bounded here.',
  fallbacks: 'Fallback attempts at the provider are billed apart and cannot be bounded here.',
};

const KNOWN_BLOCKS = new Set([
  'text',
  'image',
  'tool_use',
  'tool_result',
  'thinking',
  'redacted_thinking',
  'search_result',
]);
/** Tools that Anthropic defines and the client runs; their prompts are some thousand tokens (prices.md 4.2). */
const CLIENT_TOOLSET = /^(bash|text_editor|computer|memory)_[0-9]{8}$/;

function unmeterableFeature(body: JsonObject): { message: string; param: string } | undefined {
  for (const [member, message] of Object.entries(UNBOUNDED_MEMBERS)) {
    const value = body[member];
    const isUsed = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
    if (isUsed) return { message, param: member };
  }
  for (const type of toolTypes(body['tools'])) {
    if (type === 'custom' || CLIENT_TOOLSET.test(type)) continue;
    return { message: `The tool "${type}" runs at the provider and cannot be bounded here.`, param: 'tools' };
  }
  for (const block of blocksOf(body)) {
    const type = typeof block['type'] === 'string' ? block['type'] : 'untyped';
    if (KNOWN_BLOCKS.has(type) || (type === 'document' && isInlineText(block['source']))) continue;
    return {
      message: `A content block of type "${type}" cannot be bounded here; send its text.`,
      param: 'messages',
    };
  }
  return undefined;
}

const toolTypes = (tools: JsonValue | undefined): string[] =>
  Array.isArray(tools)
    ? tools.filter(isObject).map(({ type }) => (typeof type === 'string' ? type : 'custom'))
    : [];

const isInlineText = (source: JsonValue | undefined): boolean =>
  isObject(source) && (source['type'] === 'text' || source['type'] === 'content');

/** Every content block, also those inside tool results. */
function* blocksOf(body: JsonObject): Generator<JsonObject> {
  const open: (JsonValue | undefined)[] = [body['system']];
  for (const message of Array.isArray(body['messages']) ? body['messages'] : []) {
    if (isObject(message)) open.push(message['content']);
  }
  while (open.length > 0) {
    const content = open.pop();
    if (!Array.isArray(content)) continue;
    for (const block of content) {
      if (!isObject(block)) continue;
      yield block;
      open.push(block['content'], isObject(block['source']) ? block['source']['content'] : undefined);
    }
  }
}

function inlineBytes(image: JsonObject): bigint {
  const { source } = image;
  return isObject(source) && typeof source['data'] === 'string' ? BigInt(source['data'].length) : 0n;
}

function hiddenTokens(body: JsonObject): bigint {
  if (toolTypes(body['tools']).some((type) => CLIENT_TOOLSET.test(type))) return 8192n;
  return 'tools' in body || 'output_config' in body || 'thinking' in body ? 1024n : 0n;
}

/** The dearest cache lifetime that any `cache_control` of the body names, wherever it stands. */
function cacheWrites(body: JsonObject): CallShape['cacheWrites'] {
  let dearest: CallShape['cacheWrites'] = 'none';
  const open: (JsonValue | undefined)[] = [body];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) {
      for (const element of value) open.push(element);
    } else if (isObject(value)) {
      const control = value['cache_control'];
      if (isObject(control)) {
        if (control['ttl'] === '1h') return '1h';
        dearest = '5m';
      }
      for (const member of Object.values(value)) open.push(member);
    }
  }
  return dearest;
}

function bodyFor({ text }: JsonDocument, _shape: CallShape, { outputTokensMax }: BodyEdits): string {
  return outputTokensMax === undefined ? text : withMember(text, ['max_tokens'], Number(outputTokensMax));
}

function readMessageUsage(message: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = message;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('anthropic-messages', card.provider)({ usage, response: message });
}

function modelOf(message: JsonObject): string | undefined {
  return typeof message['model'] === 'string' ? message['model'] : undefined;
}

class MessageStreamMeter implements StreamMeter {
  private start: JsonObject | undefined;
  private delta: JsonObject | undefined;
  private model: string | undefined;
  private hasEnded = false;
  private failed = false;
  private readonly context: { card: PriceCard; costOf: CostWriter };

  constructor(context: { card: PriceCard; costOf: CostWriter }) {
    this.context = context;
  }

  take(event: SseEvent): Metered {
    switch (event.event) {
      case 'message_start': {
        this.start = readJsonObject(event.data);
        const message = this.start?.['message'];
        if (isObject(message)) this.model = modelOf(message);
        return { pass: event, isLast: false };
      }
      case 'message_delta': {
        this.delta = readJsonObject(event.data);
        const reading = this.usage();
        const members = reading && isObject(this.delta?.['usage']) ? this.context.costOf(reading) : undefined;
        const pass = members ? { ...event, data: withCost(event.data, ['usage'], members) } : event;
        return { pass, isLast: false };
      }
      case 'message_stop':
        this.hasEnded = true;
        return { pass: event, isLast: true };
      case 'error':
        this.failed = true;
        return { pass: event, isLast: false };
      case undefined:
      default:
        return { pass: event, isLast: false };
    }
  }

  /** The start's usage is a placeholder for output: without a delta there is no usage. */
  usage(): UsageReading | undefined {
    if (!this.start || !this.delta) return undefined;
    const usage = { message_start: this.start, message_delta: this.delta };
    return usageReaders['anthropic-stream']({ usage });
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
  brokenOff(message: string, requestId: string): SseEvent[] {
    const data = { type: 'error', error: { type: 'api_error', message }, request_id: requestId };
    return [{ event: 'error', id: undefined, data: JSON.stringify(data) }];
  }
}

/** POST /v1/messages (Anthropic API reference and @anthropic-ai/sdk 1.12.0 typings, checked 2026-11-24). */
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
import {
  isObject,
  readJsonObject,
  type JsonDocument,
  type JsonObject,
  type JsonValue,
} from '../../../core/json-document.ts';
import { withMember } from '../../../core/json-edits.ts';
import { sumOf } from '../../../core/money.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { passed, refused, type Stepped } from '../../../core/refusals.ts';
import { usageReaderFor, usageReaders } from '../usage-readers.ts';
import { cacheWritesOf } from './cache-writes.ts';
import { messageNeeds } from './needs.ts';
import { CLIENT_TOOLSET, continuesThread, isCount, serverWork, toolsOf } from './server-work.ts';

export const anthropicMessages: JsonEndpoint = {
  body: 'json',
  name: 'anthropic-messages',
  dialect: 'anthropic',
  upstream: 'anthropic',
  upstreamPath: '/v1/messages',
  readCall,
  bodyFor,
  readUsage: (answer, card) => readMessageUsage(answer, card),
  readServedModel: servedModelOf,
  meterStream: (context) => new MessageStreamMeter(context),
};

const invalid = (message: string, param: string) => refused({ code: 'invalid_request', message, param });
const notMeterable = (message: string, param: string) => refused({ code: 'not_meterable', message, param });

function readCall({ value: body }: JsonDocument, headers: Headers): Stepped<CallShape> {
  const { model, max_tokens: limit, thinking } = body;
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  if (!Array.isArray(body['messages'])) return invalid('"messages" must be an array.', 'messages');
  if (!isCount(limit)) return invalid('"max_tokens" must be a whole number.', 'max_tokens');
  const budget = (isObject(thinking) ? thinking['budget_tokens'] : undefined) ?? 0;
  if (!isCount(budget)) return invalid('"budget_tokens" must be a whole number.', 'thinking');
  const cacheWrites = cacheWritesOf(body);
  const work = serverWork(body, cacheWrites);
  if ('message' in work) return notMeterable(work.message, work.param);
  const blocks = [...blocksOf(body)];
  const unmeterable = unmeterableBlock(blocks);
  if (unmeterable !== undefined) return notMeterable(unmeterable, 'messages');
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
    cacheWrites,
    ...work,
    readsStoredState: continuesThread(body) || blocks.some(isSealed),
    ...conditions(body),
    media: images.length > 0 ? ['image'] : [],
    images: {
      count: BigInt(images.length),
      inlineBytes: sumOf(images.map(inlineBytes)),
    },
    wantsStreamUsage: true,
    needs: messageNeeds(body, blocks, headers),
  });
}

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

const KNOWN_BLOCKS = new Set([
  'text',
  'image',
  'tool_use',
  'tool_result',
  'thinking',
  'redacted_thinking',
  'search_result',
]);
/** What the provider did in earlier answers, sealed: only the model's context bounds what is in it. */
const SEALED_BLOCKS = new Set([
  'server_tool_use',
  'web_search_tool_result',
  'web_fetch_tool_result',
  'advisor_tool_result',
  'compaction',
]);

function unmeterableBlock(blocks: readonly JsonObject[]): string | undefined {
  for (const { type: name, source } of blocks) {
    const type = typeof name === 'string' ? name : 'untyped';
    const isKnown = KNOWN_BLOCKS.has(type) || SEALED_BLOCKS.has(type);
    if (isKnown || (type === 'document' && isInlineText(source))) continue;
    return `A content block of type "${type}" cannot be bounded here; send its text.`;
  }
  return undefined;
}

const isSealed = ({ type }: JsonObject): boolean => typeof type === 'string' && SEALED_BLOCKS.has(type);

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
  const hasToolset = toolsOf(body).some(({ type }) => typeof type === 'string' && CLIENT_TOOLSET.test(type));
  if (hasToolset) return 8192n;
  return 'tools' in body || 'output_config' in body || 'thinking' in body ? 1024n : 0n;
}

function bodyFor({ text }: JsonDocument, _shape: CallShape, { outputTokensMax }: BodyEdits): string {
  return outputTokensMax === undefined ? text : withMember(text, ['max_tokens'], Number(outputTokensMax));
}

function readMessageUsage(message: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = message;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('anthropic-messages', card.provider)({ usage, response: message });
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

  take(event: StreamEvent): Metered {
    switch (event.event) {
      case 'message_start': {
        this.start = readJsonObject(event.data);
        const message = this.start?.['message'];
        if (isObject(message)) this.model = servedModelOf(message);
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
  brokenOff(message: string, requestId: string): StreamEvent[] {
    const data = { type: 'error', error: { type: 'api_error', message }, request_id: requestId };
    return [{ event: 'error', id: undefined, data: JSON.stringify(data) }];
  }
}

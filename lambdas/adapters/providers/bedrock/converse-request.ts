/** What pricing and clamping need to know of a Converse request; what nobody can bound is refused. */
import { BARE_SHAPE, type CallShape } from '../../../core/endpoint.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../core/json-document.ts';
import { sumOf } from '../../../core/money.ts';
import { passed, refused, type Stepped } from '../../../core/refusals.ts';
import { cacheWritesOf } from '../anthropic/cache-writes.ts';
import { isCount } from '../anthropic/server-work.ts';
import { problemOfMetadata } from './request-metadata.ts';

const invalid = (message: string, param: string) => refused({ code: 'invalid_request', message, param });
const notMeterable = (message: string, param: string) => refused({ code: 'not_meterable', message, param });

export function readConverse(model: string, body: JsonObject, streaming: boolean): Stepped<CallShape> {
  const { messages, inferenceConfig } = body;
  if (model.startsWith('arn:')) return notMeterable(ARN, 'modelId');
  if (!Array.isArray(messages)) return invalid('"messages" must be an array.', 'messages');
  const limit = (isObject(inferenceConfig) ? inferenceConfig['maxTokens'] : undefined) ?? undefined;
  if (limit !== undefined && !isCount(limit))
    return invalid('"maxTokens" must be a whole number.', 'inferenceConfig');
  const metadata = problemOfMetadata(body['requestMetadata']);
  if (metadata !== undefined) return invalid(metadata, 'requestMetadata');
  const budget = thinkingBudget(body['additionalModelRequestFields']);
  if (!isCount(budget)) return invalid('"budget_tokens" must be a whole number.', BESIDE);
  const unmeterable = unmeterableMember(body);
  if (unmeterable) return notMeterable(unmeterable.message, unmeterable.param);
  const images = [...blocksOf(body)].flatMap(({ image }) => (image === undefined ? [] : [image]));

  return passed({
    ...BARE_SHAPE,
    model,
    streaming,
    output: 'limited',
    outputTokensAsked: limit === undefined ? undefined : BigInt(limit),
    // Claude refuses a limit that is not above its thinking budget.
    outputTokensFloor: BigInt(budget) + 1n,
    hiddenInputTokens: hiddenTokens(body),
    cacheWrites: cacheWritesOf(body, 'cachePoint'),
    conditionsAsked: conditionsOf(body),
    media: images.length > 0 ? ['image'] : [],
    images: { count: BigInt(images.length), inlineBytes: sumOf(images.map(inlineBytes)) },
    wantsStreamUsage: true,
    // The path names the model: no other can stand in.
    needs: undefined,
  });
}

const ARN =
  'An ARN hides its model or its price (prompts, prompt routers, provisioned and imported models, application profiles); name the model or the system inference profile by its id.';

/** A tier or a latency that no card prices is asked for all the same, and so refused. */
function conditionsOf({ serviceTier, performanceConfig }: JsonObject): string[] {
  const asked: string[] = [];
  const tier = isObject(serviceTier) ? serviceTier['type'] : undefined;
  if (isNamed(tier) && tier !== 'default') asked.push(`response.serviceTier.type=${told(tier)}`);
  const latency = isObject(performanceConfig) ? performanceConfig['latency'] : undefined;
  if (isNamed(latency) && latency !== 'standard')
    asked.push(`response.performanceConfig.latency=${told(latency)}`);
  return asked;
}

const isNamed = (value: JsonValue | undefined): value is JsonValue => value !== undefined && value !== null;
const told = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value));

interface Unmeterable {
  message: string;
  param: string;
}

/** Billed apart from tokens, by what no answer tells. */
const UNMETERED_MEMBERS: Record<string, string> = {
  guardrailConfig: 'Guardrails are billed apart from tokens, and no answer tells how much.',
  promptVariables: 'A prompt that is stored at AWS cannot be bounded here; send its text.',
};

function unmeterableMember(body: JsonObject): Unmeterable | undefined {
  for (const [param, message] of Object.entries(UNMETERED_MEMBERS))
    if (isNamed(body[param])) return { param, message };
  for (const block of blocksOf(body)) {
    const found = Object.keys(block).find((name) => !isMeterable(name, block[name]));
    if (found === undefined) continue;
    return {
      param: 'messages',
      message: `A content block "${found}" cannot be bounded here; send its text.`,
    };
  }
  const tool = toolsOf(body).find((one) => Object.keys(one).some((name) => !TOOLS.has(name)));
  if (tool) return { param: 'toolConfig', message: `Tools that AWS runs cannot be bounded here.` };
  const fields = body[BESIDE];
  const field = isObject(fields)
    ? Object.keys(fields).find((name) => !isKnownField(name, fields))
    : undefined;
  if (field !== undefined || (isNamed(fields) && !isObject(fields)))
    return {
      param: BESIDE,
      message: `"${field ?? 'A field'}" is not known here to leave the price as it is.`,
    };
  return undefined;
}

const TOOLS: ReadonlySet<string> = new Set(['toolSpec', 'cachePoint']);
const TEXT_BLOCKS: ReadonlySet<string> = new Set([
  ...['text', 'json', 'image', 'cachePoint', 'reasoningContent', 'citationsContent', 'searchResult'],
]);

/** `type` marks what a tool at AWS did: only the model's context bounds what stands behind it. */
function isMeterable(name: string, value: JsonValue | undefined): boolean {
  if (name === 'toolUse' || name === 'toolResult') return isObject(value) && !isNamed(value['type']);
  return TEXT_BLOCKS.has(name);
}

/** Members of models' own, which Converse hands on as they are. */
const BESIDE = 'additionalModelRequestFields';
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...['thinking', 'reasoning_config', 'output_config', 'anthropic_beta', 'top_k'],
  ...['reasoningConfig', 'reasoning_effort'],
]);

/** Nova takes its top k as a member of `inferenceConfig`, where it also has an output limit of its own. */
function isKnownField(name: string, fields: JsonObject): boolean {
  if (name !== 'inferenceConfig') return KNOWN_FIELDS.has(name);
  const config = fields[name];
  return isObject(config) && Object.keys(config).every((member) => member === 'topK');
}

function thinkingBudget(fields: JsonValue | undefined): JsonValue {
  if (!isObject(fields)) return 0;
  const thinking = fields['thinking'] ?? fields['reasoning_config'];
  return (isObject(thinking) ? thinking['budget_tokens'] : undefined) ?? 0;
}

/** Every content block, also those inside tool results. */
function* blocksOf({ system, messages }: JsonObject): Generator<JsonObject> {
  const open: (JsonValue | undefined)[] = [system];
  for (const message of Array.isArray(messages) ? messages : []) {
    if (isObject(message)) open.push(message['content']);
  }
  while (open.length > 0) {
    const content = open.pop();
    for (const block of Array.isArray(content) ? content : []) {
      if (!isObject(block)) continue;
      yield block;
      const { toolResult } = block;
      if (isObject(toolResult)) open.push(toolResult['content']);
    }
  }
}

function toolsOf({ toolConfig }: JsonObject): JsonObject[] {
  const tools = isObject(toolConfig) ? toolConfig['tools'] : undefined;
  return Array.isArray(tools) ? tools.filter(isObject) : [];
}

function inlineBytes(image: JsonValue): bigint {
  const source = isObject(image) ? image['source'] : undefined;
  const bytes = isObject(source) ? source['bytes'] : undefined;
  return typeof bytes === 'string' ? BigInt(bytes.length) : 0n;
}

/** What the provider adds of its own to explain tools, schemas and thinking. */
const hiddenTokens = (body: JsonObject): bigint =>
  ['toolConfig', 'outputConfig', BESIDE].some((name) => isNamed(body[name])) ? 1024n : 0n;

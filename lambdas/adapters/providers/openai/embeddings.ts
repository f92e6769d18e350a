/** POST /v1/embeddings (OpenAI API reference and openai 7.57.0 typings, checked 2026-11-24). */
import { BARE_SHAPE, servedModelOf, type CallShape, type JsonEndpoint } from '../../../core/endpoint.ts';
import type { JsonDocument, JsonObject } from '../../../core/json-document.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { passed, type Stepped } from '../../../core/refusals.ts';
import { usageReaderFor } from '../usage-readers.ts';
import { invalid } from './request-parts.ts';

export const openAiEmbeddings: JsonEndpoint = {
  body: 'json',
  name: 'openai-embeddings',
  dialect: 'openai',
  upstream: 'openai',
  upstreamPath: '/v1/embeddings',
  readCall,
  bodyFor: ({ text }) => text,
  readUsage,
  readServedModel: servedModelOf,
  meterStream: () => {
    throw new Error('embeddings are never streamed');
  },
};

function readCall({ value: body }: JsonDocument): Stepped<CallShape> {
  const { model, input } = body;
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  if (!isTextOrTokens(input)) {
    return invalid('"input" must be a string or an array of strings or tokens.', 'input');
  }
  return passed({ ...BARE_SHAPE, model, inputs: inputsOf(input) });
}

/** A list of numbers is the tokens of one. */
const inputsOf = (input: JsonObject['input']): bigint =>
  Array.isArray(input) && !input.every((token) => typeof token === 'number') ? BigInt(input.length) : 1n;

/** None of these is billed as more tokens than it has bytes; an object could name what the body does not show. */
function isTextOrTokens(input: JsonObject['input']): boolean {
  if (!Array.isArray(input)) return typeof input === 'string';
  return input.every((element) =>
    Array.isArray(element)
      ? element.every((token) => typeof token === 'number')
      : typeof element === 'string' || typeof element === 'number',
  );
}

function readUsage(answer: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = answer;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('openai-embeddings', card.provider)({ usage, response: answer });
}

/** POST /v1/embeddings (API reference and openai 7.57.0 typings, checked 2026-11-24). */
import type { JsonObject, JsonValue } from '../../lambdas/core/json-document.ts';
import {
  BILLED_WORDS,
  isPositiveInteger,
  refuse,
  reportedUsage,
  type SimulatedEndpoint,
  type Generation,
} from './endpoint.ts';
import { openAi } from './openai-dialect.ts';
import { countTokens } from './tokens.ts';

export const openAiEmbeddings: SimulatedEndpoint = {
  name: 'openai-embeddings',
  dialect: openAi,
  words: BILLED_WORDS,
  makesText: false,
  isFree: false,
  read,
  answer,
  stream: undefined,
};

const INPUTS_MAX = 2048;
const DIMENSIONS_MAX = 3072;
const DIMENSIONS_OF_MODEL: Record<string, number | undefined> = { 'text-embedding-3-large': 3072 };
const DIMENSIONS_DEFAULT = 1536;

function read(body: JsonObject): ReturnType<SimulatedEndpoint['read']> {
  const { model, input, dimensions, encoding_format: format } = body;
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter', 'model');
  const inputs = inputsOf(input);
  if (!inputs || inputs.length === 0 || inputs.length > INPUTS_MAX) {
    return refuse("'$.input' is invalid. Please check the API reference.", 'input');
  }
  if (format !== undefined && format !== 'float' && format !== 'base64') {
    return refuse("'encoding_format' must be 'float' or 'base64'.", 'encoding_format');
  }
  if (dimensions !== undefined && (!isPositiveInteger(dimensions) || dimensions > DIMENSIONS_MAX)) {
    return refuse(`'dimensions' must be an integer from 1 to ${DIMENSIONS_MAX}.`, 'dimensions');
  }
  return {
    asked: {
      body,
      model,
      stream: false,
      prompt: inputs.filter((text) => typeof text === 'string').join('\n'),
      inputTokens: countTokens(input),
      outputTokensMax: undefined,
      choices: 1,
      serviceTier: null,
      tools: [],
    },
  };
}

/** One of these makes one vector: a text, or a list of tokens. Undefined for anything else. */
function inputsOf(input: JsonValue | undefined): (string | number[])[] | undefined {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return undefined;
  if (isTokens(input)) return [input];
  return input.every((one) => typeof one === 'string' || isTokens(one)) ? input : undefined;
}

const isTokens = (value: JsonValue): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every(Number.isSafeInteger);

function answer({ asked, model, tokens, directives }: Generation): JsonObject {
  const { dimensions, encoding_format: format, input } = asked.body;
  const length = isPositiveInteger(dimensions)
    ? dimensions
    : (DIMENSIONS_OF_MODEL[asked.model] ?? DIMENSIONS_DEFAULT);
  return {
    object: 'list',
    data: inputsOf(input)!.map((_, index) => {
      const vector = unitVector(length, index);
      return {
        object: 'embedding',
        index,
        embedding: format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector],
      };
    }),
    model,
    usage: reportedUsage({ prompt_tokens: tokens.input, total_tokens: tokens.input }, directives),
  };
}

/** Of length one, as real embeddings are; each input's points along another axis. */
function unitVector(length: number, index: number): Float32Array {
  const vector = new Float32Array(length);
  vector[index % length] = 1;
  return vector;
}

/** OpenAI's `POST /v1/embeddings`. A vector says nothing: it depends on its place and on nothing else. */
import type { JsonObject, JsonValue } from '../../lambdas/core/json-document.ts';
import {
  countMember,
  frame,
  textMember,
  usageMember,
  type Answer,
  type Asked,
  type SimulatedEndpoint,
} from './exchange.ts';
import { countTokens } from './tokens.ts';

const DIMENSIONS_DEFAULT = 1536;

export const openaiEmbeddings: SimulatedEndpoint = {
  name: 'openai-embeddings',
  dialect: 'openai',
  path: '/v1/embeddings',
  isFree: false,
  read,
  plain,
  frames: () => [],
  errorFrame: (message) => frame({ error: { message, type: 'server_error', param: null, code: null } }),
};

function read(body: JsonObject): Asked | string {
  const model = textMember(body, 'model');
  if (model === undefined) return 'you must provide a model parameter';
  const inputs = inputsOf(body);
  if (inputs.length === 0) return "'$.input' is invalid.";
  return {
    model,
    stream: false,
    prompt: inputs.filter((input) => typeof input === 'string').join('\n'),
    inputTokens: countTokens(inputs),
    outputTokensMax: 0,
    choices: 1,
    serviceTier: undefined,
    firstTool: undefined,
  };
}

/** A text, an array of token ids, or an array of either. */
function inputsOf(body: JsonObject): JsonValue[] {
  const input = body['input'];
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return [];
  return typeof input[0] === 'number' ? [input] : input;
}

function plain({ body, tokens, directives, servedModel }: Answer): JsonObject {
  const dimensions = countMember(body, 'dimensions') ?? DIMENSIONS_DEFAULT;
  const prompt = tokens.input + tokens.cacheRead;
  return {
    object: 'list',
    data: inputsOf(body).map((_, index) => ({
      object: 'embedding',
      index,
      embedding: body['encoding_format'] === 'base64' ? base64Of(dimensions) : vector(dimensions),
    })),
    model: servedModel,
    ...usageMember({ prompt_tokens: prompt, total_tokens: prompt }, directives),
  };
}

const vector = (dimensions: number): number[] =>
  Array.from({ length: dimensions }, (_, i) => Math.fround(((i % 7) - 3) / 8));

const base64Of = (dimensions: number): string =>
  Buffer.from(Float32Array.from(vector(dimensions)).buffer).toString('base64');

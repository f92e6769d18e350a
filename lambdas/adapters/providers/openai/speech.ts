/**
 * POST /v1/audio/speech (OpenAI API reference and openai 7.57.0 typings, checked 2026-11-29). The answer is sound and
 * tells no usage: tts-1 and tts-1-hd are billed by the characters of `input` (4,096 of them were billed $0.061425, one
 * person measured on 2025-11-02; that is 4,095 at $15 a million), which are counted here as UTF-16 units, never fewer
 * than any other count. gpt-4o-mini-tts is billed by the sound that it makes, of which no document says how much.
 */
import { BARE_SHAPE, type CallShape, type JsonEndpoint } from '../../../core/endpoint.ts';
import type { JsonDocument } from '../../../core/json-document.ts';
import { whole } from '../../../core/pricing/ratio.ts';
import { read } from '../../../core/pricing/usage.ts';
import { passed, type Stepped } from '../../../core/refusals.ts';
import { invalid, notMeterable } from './request-parts.ts';

export const openAiSpeech: JsonEndpoint = {
  body: 'json',
  name: 'openai-speech',
  dialect: 'openai',
  upstream: 'openai',
  upstreamPath: '/v1/audio/speech',
  readCall,
  bodyFor: ({ text }) => text,
  readUsage: () => undefined,
  readServedModel: () => undefined,
  usageAsked: ({ fees }) => read({ parts: [], fees, conditions: {} }),
  meterStream: () => {
    throw new Error('speech that tells no usage is never streamed as events');
  },
};

const BILLED_BY_SOUND: ReadonlySet<string> = new Set([
  'gpt-4o-mini-tts',
  'gpt-4o-mini-tts-2025-03-20',
  'gpt-4o-mini-tts-2025-12-15',
]);

function readCall({ value: body }: JsonDocument): Stepped<CallShape> {
  const { model, input, stream_format: format } = body;
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  if (typeof input !== 'string') return invalid('"input" must be a string.', 'input');
  if (BILLED_BY_SOUND.has(model)) {
    return notMeterable(
      `"${model}" is billed by the sound that it makes, which nothing bounds beforehand; use tts-1 or tts-1-hd.`,
      'model',
    );
  }
  if (format !== undefined && format !== null && format !== 'audio') {
    return notMeterable('Only models that are billed by sound stream events; leave it out.', 'stream_format');
  }
  return passed({ ...BARE_SHAPE, model, fees: { character: whole(BigInt(input.length)) } });
}

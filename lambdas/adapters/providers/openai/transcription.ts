/**
 * POST /v1/audio/transcriptions (OpenAI API reference and openai 7.57.0 typings, checked 2026-11-29). Models that bill
 * by tokens are held at their whole context and output, which their model pages document (16,000 and 2,000 tokens, so
 * the API refuses audio beyond 1,400 to 1,500 seconds); those that bill by the second at what the file proves.
 */
import { BARE_SHAPE, type CallShape, type FormEndpoint } from '../../../core/endpoint.ts';
import type { JsonObject } from '../../../core/json-document.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { passed, type Stepped } from '../../../core/refusals.ts';
import { usageReaderFor } from '../usage-readers.ts';
import { audioSecondsMax } from './audio-seconds.ts';
import { LastEventMeter } from './last-event-meter.ts';
import { invalid, notMeterable } from './request-parts.ts';

export const openAiTranscription: FormEndpoint = {
  body: 'form',
  name: 'openai-transcription',
  dialect: 'openai',
  upstream: 'openai',
  upstreamPath: '/v1/audio/transcriptions',
  readCall,
  readUsage: readTranscriptionUsage,
  readServedModel: () => undefined,
  meterStream: ({ card, costOf }) =>
    new LastEventMeter({
      lastType: 'transcript.text.done',
      readUsage: (event) => readTranscriptionUsage(event, card),
      costOf,
    }),
};

/** The others tell no usage. */
const FORMATS: ReadonlySet<unknown> = new Set(['json', 'verbose_json', null]);

async function readCall(form: FormData): Promise<Stepped<CallShape>> {
  const [model, file, format] = [form.get('model'), form.get('file'), form.get('response_format')];
  if (typeof model !== 'string' || model === '') return invalid('Name a model: "model" is missing.', 'model');
  if (!(file instanceof Blob)) return invalid('"file" must be an audio file.', 'file');
  if (!FORMATS.has(format)) {
    return notMeterable(
      'Only the formats json and verbose_json tell what a transcription cost; ask for one of them.',
      'response_format',
    );
  }
  if ([...form.keys()].some((name) => name.startsWith('chunking_strategy'))) {
    return notMeterable(
      'Each chunk is a call of its own to the model, and their number cannot be bounded here; leave it out.',
      'chunking_strategy',
    );
  }
  return passed({
    ...BARE_SHAPE,
    model,
    // Whoever does not stream answers with a plain body whatever was asked: whisper-1 does.
    streaming: form.has('stream') && form.get('stream') !== 'false',
    output: 'fixed',
    media: ['audio'],
    audio: { secondsMax: audioSecondsMax(new Uint8Array(await file.arrayBuffer())) },
    wantsStreamUsage: true,
  });
}

function readTranscriptionUsage(answer: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = answer;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('openai-transcription', card.provider)({ usage, response: answer });
}

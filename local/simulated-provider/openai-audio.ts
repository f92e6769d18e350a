/** POST /v1/audio/transcriptions and /v1/audio/speech (API reference and openai 7.57.0 typings, checked 2026-11-29). */
import { isObject, type JsonObject } from '../../lambdas/core/json-document.ts';
import {
  BILLED_WORDS,
  dataEvent,
  MEDIA_WORDS,
  refuse,
  reportedUsage,
  Sound,
  type Generation,
  type SimulatedEndpoint,
  type StreamedAnswer,
} from './endpoint.ts';
import { openAi } from './openai-dialect.ts';
import { countTokens, inPieces } from './tokens.ts';

export const openAiTranscription: SimulatedEndpoint = {
  name: 'openai-transcription',
  dialect: openAi,
  words: MEDIA_WORDS,
  makesText: true,
  isFree: false,
  takesForm: true,
  read: readTranscription,
  answer: (made) => ({ text: made.text, usage: usageOf(made) }),
  stream: streamTranscription,
};

export const openAiSpeech: SimulatedEndpoint = {
  name: 'openai-speech',
  dialect: openAi,
  words: BILLED_WORDS,
  makesText: false,
  isFree: false,
  read: readSpeech,
  answer: ({ asked }) => new Sound('audio/mpeg', silence(Math.ceil(asked.prompt.length / 4))),
  stream: undefined,
};

/** All others are billed by tokens. */
const BY_SECONDS: ReadonlySet<string> = new Set(['whisper-1', 'gpt-transcribe']);
/** Which does not stream, whatever it is asked. */
const WHISPER = 'whisper-1';
const BYTES_PER_SECOND = 32_000;
const TOKENS_PER_SECOND = 10;

function readTranscription(body: JsonObject): ReturnType<SimulatedEndpoint['read']> {
  const { model, file, prompt } = body;
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter', 'model');
  if (!isObject(file)) return refuse("Missing required parameter: 'file'.", 'file');
  const seconds = Math.ceil(Number(file['bytes']) / BYTES_PER_SECOND);
  const text = typeof prompt === 'string' ? prompt : '';
  const isBySeconds = BY_SECONDS.has(model);
  return {
    asked: {
      body,
      model,
      stream: body['stream'] === 'true' && model !== WHISPER,
      prompt: text,
      inputTokens: isBySeconds ? 0 : seconds * TOKENS_PER_SECOND + countTokens(text),
      ...(isBySeconds && { units: { seconds } }),
      outputTokensMax: undefined,
      choices: 1,
      serviceTier: null,
      tools: [],
    },
  };
}

function usageOf({ asked, tokens, directives }: Generation): JsonObject | undefined {
  if (tokens.seconds !== undefined) {
    return reportedUsage({ type: 'duration', seconds: tokens.seconds }, directives);
  }
  const text = Math.min(countTokens(asked.prompt), tokens.input);
  const usage = {
    type: 'tokens',
    input_tokens: tokens.input,
    input_token_details: { text_tokens: text, audio_tokens: tokens.input - text },
    output_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
  };
  return reportedUsage(usage, directives);
}

function streamTranscription(made: Generation): StreamedAnswer {
  return {
    opening: [],
    content: inPieces(made.text, made.chunks).map((delta) =>
      dataEvent({ type: 'transcript.text.delta', delta }),
    ),
    closing: [dataEvent({ type: 'transcript.text.done', text: made.text, usage: usageOf(made) })],
    failure: () => dataEvent(openAi.error(500, undefined, '')),
  };
}

function readSpeech(body: JsonObject): ReturnType<SimulatedEndpoint['read']> {
  const { model, input, voice } = body;
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter', 'model');
  if (typeof input !== 'string') return refuse("Missing required parameter: 'input'.", 'input');
  if (voice === undefined) return refuse("Missing required parameter: 'voice'.", 'voice');
  return {
    asked: {
      body,
      model,
      stream: false,
      prompt: input,
      inputTokens: 0,
      units: { characters: input.length },
      outputTokensMax: undefined,
      choices: 1,
      serviceTier: null,
      tools: [],
    },
  };
}

const FRAME_BYTES = 417;
/** MPEG-1 layer III, 128 kbit/s at 44,100 Hz. */
const FRAME_HEADER = [0xff, 0xfb, 0x90, 0x00];

function silence(frames: number): Uint8Array {
  const bytes = new Uint8Array(frames * FRAME_BYTES);
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) bytes.set(FRAME_HEADER, at);
  return bytes;
}

import { describe, expect, it } from 'vitest';
import { openAiSpeech } from '../../../lambdas/adapters/providers/openai/speech.ts';
import { openAiTranscription } from '../../../lambdas/adapters/providers/openai/transcription.ts';
import { whole } from '../../../lambdas/core/pricing/ratio.ts';
import { mp3, wav } from '../../support/audio-files.ts';
import { readBody, sentText } from './read-call.ts';

describe('a transcription', () => {
  type Members = Record<string, string | Blob>;
  const BASE: Members = { model: 'whisper-1', file: new Blob([wav()]) };
  const read = async (more: Members, without?: string) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...BASE, ...more })) {
      if (name !== without) form.append(name, value);
    }
    const call = await openAiTranscription.readCall(form);
    return call.ok ? call.value : call.refusal;
  };

  it.each<[string, Members, object]>([
    ['of a WAV', {}, { audio: { secondsMax: 2n }, output: 'fixed', outputTokensAsked: undefined }],
    ['of an MP3', { file: new Blob([mp3(39)]) }, { audio: { secondsMax: 2n } }],
    ['of what proves nothing', { file: new Blob(['OggS']) }, { audio: { secondsMax: undefined } }],
    ['of sound', {}, { media: ['audio'], streaming: false, choices: 1n }],
    ['streamed', { stream: 'true' }, { streaming: true }],
    ['streamed, as another tool writes it', { stream: 'True' }, { streaming: true }],
    ['not streamed', { stream: 'false' }, { streaming: false }],
    ['as JSON', { response_format: 'json' }, { model: 'whisper-1' }],
    ['as JSON with times', { response_format: 'verbose_json' }, { model: 'whisper-1' }],
    ['with all else', { prompt: 'p', language: 'fi', temperature: '0', odd: '1' }, { model: 'whisper-1' }],
  ])('%s', async (_, more, shape) => {
    expect(await read(more)).toMatchObject(shape);
  });

  it.each<[string, Members, string | undefined, string]>([
    ['no model', {}, 'model', 'model'],
    ['a model of no name', { model: '' }, undefined, 'model'],
    ['a model that is a file', { model: new Blob(['whisper-1']) }, undefined, 'model'],
    ['no file', {}, 'file', 'file'],
    ['a file that is text', { file: 'RIFF' }, undefined, 'file'],
  ])('with %s is invalid', async (_, more, without, param) => {
    expect(await read(more, without)).toMatchObject({ code: 'invalid_request', param });
  });

  it.each<[string, Members, string]>([
    ['text', { response_format: 'text' }, 'response_format'],
    ['subtitles', { response_format: 'srt' }, 'response_format'],
    ['web subtitles', { response_format: 'vtt' }, 'response_format'],
    ['speakers', { response_format: 'diarized_json' }, 'response_format'],
    ['chunks', { chunking_strategy: 'auto' }, 'chunking_strategy'],
    ['chunks of its own', { 'chunking_strategy[type]': 'server_vad' }, 'chunking_strategy'],
  ])('in %s cannot be metered', async (_, more, param) => {
    expect(await read(more)).toMatchObject({ code: 'not_meterable', param });
  });
});

describe('speech', () => {
  const BODY = { model: 'tts-1', input: 'Say hi.', voice: 'ash' };
  const read = (more: object) => readBody(openAiSpeech, { ...BODY, ...more });

  it.each<[string, object, bigint]>([
    ['letters', {}, 7n],
    ['nothing', { input: '' }, 0n],
    ['letters of two bytes', { input: 'ääkkösiä' }, 8n],
    ['an emoji, which some count as two', { input: '😀' }, 2n],
    ['a lone surrogate', { input: '\ud800' }, 1n],
  ])('is billed by the characters: %s', (_, more, characters) => {
    expect(read(more)).toMatchObject({ fees: { character: whole(characters) }, output: 'none' });
  });

  it('tells its usage before it is sent', () => {
    const shape = read({});
    if ('code' in shape) throw new Error(shape.message);
    expect(openAiSpeech.usageAsked!(shape)).toEqual({
      kind: 'read',
      usage: { parts: [], fees: { character: whole(7n) }, conditions: {} },
    });
  });

  it.each<[string, object, string]>([
    ['no model', { model: undefined }, 'model'],
    ['no input', { input: undefined }, 'input'],
    ['an input that is no text', { input: ['a'] }, 'input'],
  ])('%s is invalid', (_, more, param) => {
    expect(read(more)).toMatchObject({ code: 'invalid_request', param });
  });

  it.each<[string, object, string]>([
    ['a model that is billed by sound', { model: 'gpt-4o-mini-tts' }, 'model'],
    ['its dated name', { model: 'gpt-4o-mini-tts-2025-12-15' }, 'model'],
    ['events', { stream_format: 'sse' }, 'stream_format'],
  ])('%s cannot be metered', (_, more, param) => {
    expect(read(more)).toMatchObject({ code: 'not_meterable', param });
  });

  it('is forwarded as it came', () => {
    const text = '{ "model":"tts-1","input":"\\ud83d\\ude00 \\u0041","voice":"ash","speed":1.0 }';
    expect(sentText(openAiSpeech, text)).toBe(text);
  });
});

/** Images and sound of the simulated provider, and Azure's address of chat. */
import { describe, expect, it } from 'vitest';
import { mp3, wav } from '../support/audio-files.ts';
import {
  answerTo,
  at,
  chat,
  eachAt,
  eventsIn,
  post,
  provider,
  streamOf,
  typesOf,
  useProvider,
} from './simulated-provider-client.ts';

useProvider();

const IMAGES = '/v1/images/generations';
const TRANSCRIPTIONS = '/v1/audio/transcriptions';
const SPEECH = '/v1/audio/speech';
const billed = () => provider().requests().at(-1)!.billed;

describe('images', () => {
  const body = { model: 'gpt-image-2', prompt: 'Twelve chars' };

  it('are as many as asked, each of 40 tokens', async () => {
    const answer = await answerTo(IMAGES, { ...body, n: 3 });
    expect(at(answer, 'data')).toHaveLength(3);
    expect(at(answer, 'usage')).toEqual({
      input_tokens: 3,
      output_tokens: 120,
      total_tokens: 123,
      input_tokens_details: { text_tokens: 3, image_tokens: 0 },
    });
    expect(billed()).toMatchObject({ input: 3, output: 120 });
  });

  it('stream their partial ones, each of 100 tokens more', async () => {
    const { events } = await streamOf(IMAGES, { ...body, partial_images: 2 });
    expect(typesOf(events)).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
    expect(eachAt(events, 'usage.output_tokens')).toEqual([undefined, undefined, 240]);
  });

  it('cost what a directive says', async () => {
    const answer = await answerTo(IMAGES, { ...body, prompt: '[[sim output=7 input=5]]', n: 2 });
    expect(at(answer, 'usage.output_tokens')).toBe(14);
    expect(at(answer, 'usage.input_tokens')).toBe(5);
  });

  it.each([
    ['no prompt', { model: 'gpt-image-2' }],
    ['eleven', { ...body, n: 11 }],
  ])('are refused for %s', async (_, wrong) => {
    expect((await post(IMAGES, wrong)).status).toBe(400);
    expect(billed()).toBeNull();
  });
});

describe('transcriptions', () => {
  const form = (members: Record<string, string>): FormData => {
    const made = new FormData();
    for (const [name, value] of Object.entries(members)) made.append(name, value);
    made.append('file', new File([wav({ dataBytes: 95_956 })], 'a.wav', { type: 'audio/wav' }));
    return made;
  };
  const hear = async (members: Record<string, string>): Promise<string> => {
    const response = await fetch(provider().url + TRANSCRIPTIONS, { method: 'POST', body: form(members) });
    expect(response.status).toBe(200);
    return response.text();
  };

  it('are billed by tokens, ten a second of sound', async () => {
    const answer = JSON.parse(await hear({ model: 'gpt-4o-transcribe', prompt: 'Twelve chars' })) as object;
    expect(answer).toMatchObject({
      usage: {
        type: 'tokens',
        input_tokens: 33,
        input_token_details: { text_tokens: 3, audio_tokens: 30 },
        output_tokens: 32,
      },
    });
    expect(billed()).toMatchObject({ input: 33, output: 32 });
    expect(provider().requests()[0]!.file).toMatchObject({ name: 'a.wav', type: 'audio/wav', bytes: 96_000 });
  });

  it('are billed by seconds where the model is', async () => {
    expect(JSON.parse(await hear({ model: 'whisper-1', stream: 'true' }))).toMatchObject({
      usage: { type: 'duration', seconds: 3 },
    });
    expect(billed()).toMatchObject({ seconds: 3, input: 0, output: 0 });
  });

  it('stream', async () => {
    const events = eventsIn(await hear({ model: 'gpt-transcribe', stream: 'true' }));
    expect(new Set(typesOf(events).slice(0, -1))).toEqual(new Set(['transcript.text.delta']));
    expect(events.at(-1)!.data).toMatchObject({ type: 'transcript.text.done', usage: { seconds: 3 } });
  });

  it('are refused where they are no form', async () => {
    expect((await post(TRANSCRIPTIONS, { model: 'whisper-1' })).status).toBe(400);
  });
});

describe('speech', () => {
  it('is a frame for each four characters, and billed by them', async () => {
    const response = await post(SPEECH, { model: 'tts-1', input: 'Nine chars', voice: 'ash' });
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(mp3(3));
    expect(billed()).toMatchObject({ characters: 10, input: 0, output: 0 });
  });

  it.each([
    { model: 'tts-1', input: 'a' },
    { model: 'tts-1', voice: 'ash' },
    { input: 'a', voice: 'ash' },
  ])('is refused: %j', async (body) => {
    expect((await post(SPEECH, body)).status).toBe(400);
  });
});

describe('Azure', () => {
  it('has the model in the path', async () => {
    const path = '/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21';
    const answer = await answerTo(path, chat('Hi.', { model: 'ignored' }));
    expect(at(answer, 'model')).toBe('gpt-4.1');
    expect(provider().requests()[0]).toMatchObject({ endpoint: 'openai-chat', model: 'gpt-4.1' });
  });

  it('has no other address', async () => {
    expect((await post('/openai/deployments/gpt-4.1/embeddings', {})).status).toBe(404);
  });
});

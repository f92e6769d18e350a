/** Images and sound with the OpenAI SDKs: forms go out as the SDK makes them, sound comes back byte for byte. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ascii, mp3, wav } from '../support/audio-files.ts';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { OPENAI_MAJORS, type OpenAI } from './majors.ts';

let spendcap: LocalSpendcap;
let caller: Caller;
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());
beforeEach(async () => {
  caller = await spendcap.newCaller([{ limit: '1.00' }]);
  spendcap.provider.forget();
});

/** Three seconds, with the header. */
const SOUND = wav({ dataBytes: 95_956 });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function expectSettled(response: Response, costUsd: string): Promise<void> {
  const charge = await caller.chargeOf(response.headers.get('x-spendcap-request-id')!);
  expect(charge).toMatchObject({ outcome: 'settled', cost_usd: costUsd });
  expect(spendcap.provider.requests()).toHaveLength(1);
}

describe.each(OPENAI_MAJORS)('$sdk', (sdk) => {
  const client = (): OpenAI => new sdk.OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: caller.key });
  const file = (bytes = SOUND, name = 'speech.wav') => new File([bytes], name);
  const image = { model: 'gpt-image-2', prompt: 'A cat. [[sim input=10]]', quality: 'low' } as const;

  it('makes images', async () => {
    const { data, response } = await client()
      .images.generate({ ...image, n: 2 })
      .withResponse();
    expect(data.data).toHaveLength(2);
    // 10 x $5 and 2 x 40 x $30, a million
    expect(response.headers.get('x-spendcap-cost-usd')).toBe('0.00245');
    expect(data.usage).toMatchObject({ output_tokens: 80, cost: '0.00245' });
    await expectSettled(response, '0.00245');
  });

  it('makes an image while one watches', async () => {
    const asked = { ...image, stream: true, partial_images: 2 } as const;
    const { data, response } = await client().images.generate(asked).withResponse();
    const events = [];
    for await (const event of data) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
    // 10 x $5 and (40 + 2 x 100) x $30
    expect(events.at(-1)).toMatchObject({ usage: { output_tokens: 240, cost: '0.00725' } });
    await expectSettled(response, '0.00725');
  });

  it('throws when that breaks off', async () => {
    const prompt = 'A cat. [[sim end=early]]';
    const asked = { ...image, prompt, stream: true, partial_images: 2 } as const;
    const events = await client().images.generate(asked);
    const watch = async (): Promise<void> => {
      for await (const event of events) expect(event.type).toBe('image_generation.partial_image');
    };
    await expect(watch()).rejects.toThrow(/broke off/);
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'presumed_spent' });
  });

  it.each([
    ['whisper-1', '0.0003'], // 3 s at $0.006 a minute
    ['gpt-transcribe', '0.000225'], // at $0.0045
    ['gpt-4o-transcribe', '0.0001955'], // 7 x $2.5 a million, 23 x $6 and 4 x $10
  ])('hears with %s', async (model, cost) => {
    const asked = {
      model,
      file: file(),
      prompt: model === 'gpt-4o-transcribe' ? '[[sim input=30 output=4]]' : 'p',
    };
    const { data, response } = await client().audio.transcriptions.create(asked).withResponse();
    expect(data.text).toMatch(/^This answer/);
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(cost);
    expect(spendcap.provider.requests()[0]!.file).toMatchObject({
      name: 'speech.wav',
      sha256: sha256(SOUND),
    });
    await expectSettled(response, cost);
  });

  it('hears while one reads', async () => {
    const asked = { model: 'gpt-4o-mini-transcribe', file: file(), stream: true as const };
    const { data, response } = await client().audio.transcriptions.create(asked).withResponse();
    const events = [];
    for await (const event of data) events.push(event);
    expect(events.at(-1)!.type).toBe('transcript.text.done');
    // 30 x $3 a million, and 32 x $5
    expect(events.at(-1)).toMatchObject({ usage: { cost: '0.00025' } });
    await expectSettled(response, '0.00025');
  });

  it('is told at once, and once, of a file that proves no length', async () => {
    const asked = { model: 'whisper-1', file: file(ascii('OggS and more'), 'speech.ogg') };
    await expect(client().audio.transcriptions.create(asked)).rejects.toMatchObject({
      status: 400,
      code: 'not_meterable',
    });
    expect(caller.arrivals()).toHaveLength(1);
    expect(spendcap.provider.requests()).toEqual([]);
  });

  it('is told of a file of more than 6 MB, once', async () => {
    const asked = { model: 'gpt-4o-transcribe', file: file(wav({ dataBytes: 6 << 20 })) };
    await expect(client().audio.transcriptions.create(asked)).rejects.toMatchObject({
      status: 413,
      code: 'request_too_large',
    });
    expect(caller.arrivals()).toHaveLength(1);
  });

  it('speaks', async () => {
    const asked = { model: 'tts-1-hd', input: 'Eight of.', voice: 'ash' as const };
    const response = await client().audio.speech.create(asked);
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(mp3(3));
    // 9 characters x $30 a million
    expect(response.headers.get('x-spendcap-cost-usd')).toBe('0.00027');
    await expectSettled(response, '0.00027');
  });

  it('throws where speech breaks off', async () => {
    const asked = { model: 'tts-1', input: 'Hello. [[sim reset=after-400]]', voice: 'ash' as const };
    const response = await client().audio.speech.create(asked);
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled' });
    expect(caller.arrivals()).toHaveLength(1);
  });

  it.each([
    ['images', (openai: OpenAI) => openai.images.generate(image)],
    [
      'transcriptions',
      (openai: OpenAI) => openai.audio.transcriptions.create({ model: 'whisper-1', file: file() }),
    ],
    [
      'speech',
      (openai: OpenAI) => openai.audio.speech.create({ model: 'tts-1', input: 'Hello there.', voice: 'ash' }),
    ],
  ])('is told of a cap that is reached, once: %s', async (_, send) => {
    const poor = await spendcap.newCaller([{ limit: '0.000001' }]);
    const openai = new sdk.OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: poor.key });
    await expect(send(openai)).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
    expect(poor.arrivals()).toHaveLength(1);
    expect(spendcap.provider.requests()).toEqual([]);
  });
});

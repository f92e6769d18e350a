/** Sound over the gateway: forms forwarded byte for byte, sound passed on as it arrives, both held and charged. */
import { describe, expect, it } from 'vitest';
import { joined, ascii, wav } from '../support/audio-files.ts';
import { openGateway, userCap, type TestGateway } from '../support/gateways.ts';
import { LiveAnswer, notSent, plain, streamed } from '../support/scripted-upstream.ts';

const TRANSCRIPTIONS = '/v1/audio/transcriptions';
const SPEECH = '/v1/audio/speech';
/** 320,000 bytes in all at 32,000 a second. */
const TEN_SECONDS = wav({ dataBytes: 319_956 });

function form(members: Record<string, string>, file = TEN_SECONDS): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(members)) made.append(name, value);
  made.append('file', new File([file], 'speech.wav', { type: 'audio/wav' }));
  return made;
}
const transcribe = (gateway: TestGateway, members: Record<string, string>, file?: Uint8Array<ArrayBuffer>) =>
  gateway.request('POST', TRANSCRIPTIONS, form(members, file));

describe('a transcription by the second', () => {
  it.each([TRANSCRIPTIONS, '/audio/transcriptions'])('is charged what it cost, at %s', async (path) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{"text":"Hi.","usage":{"type":"duration","seconds":9}}'));
    const response = await gateway.request('POST', path, form({ model: 'whisper-1' }));
    expect(response.status).toBe(200);
    // 10 s and 9 s at $0.006 a minute
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe('0.001');
    expect(response.headers.get('x-spendcap-cost-usd')).toBe('0.0009');
    expect(await response.json()).toMatchObject({
      text: 'Hi.',
      usage: { seconds: 9, cost: '0.0009', cost_details: { fees: '0.0009' } },
    });
    expect(gateway.upstream.sent[0]!.path).toBe(TRANSCRIPTIONS);
  });

  it('sends the form on as it came, byte for byte', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{"text":"Hi.","usage":{"type":"duration","seconds":9}}'));
    const head =
      '--XyZ\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n' +
      '--XyZ\r\nContent-Disposition: form-data; name="odd"\r\n\r\n\xc3\xa4\r\n' +
      '--XyZ\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n';
    const body = joined(ascii(head), TEN_SECONDS, ascii('\r\n--XyZ--\r\n'));
    const response = await gateway.request('POST', TRANSCRIPTIONS, body, {
      'content-type': 'multipart/form-data; boundary=XyZ',
    });
    expect(response.status).toBe(200);
    const [sent] = gateway.upstream.sent;
    expect(sent!.bytes).toEqual(body);
    expect(sent!.headers).toContainEqual(['content-type', 'multipart/form-data; boundary=XyZ']);
  });

  it('is the same call with another boundary, as the SDKs repeat it, and another one with another file', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{"text":"Hi.","usage":{"type":"duration","seconds":9}}'));
    const send = (members: Record<string, string>, file?: Uint8Array<ArrayBuffer>) =>
      gateway.request('POST', TRANSCRIPTIONS, form(members, file), { 'idempotency-key': 'k1' });
    expect((await send({ model: 'whisper-1' })).status).toBe(200);
    expect(await (await send({ model: 'whisper-1' })).json()).toMatchObject({
      error: { code: 'already_charged' },
    });
    for (const other of [
      () => send({ model: 'whisper-1' }, wav({ dataBytes: 319_958 })),
      () => send({ model: 'whisper-1', language: 'de' }),
      () => send({ model: 'whisper-1', prompt: 'speech.wav' }),
    ]) {
      expect(await (await other()).json()).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    }
    expect(gateway.upstream.sent).toHaveLength(1);
  });

  it('is refused where the file proves no length, with the way out', async () => {
    const gateway = await openGateway();
    const response = await transcribe(gateway, { model: 'whisper-1' }, ascii('OggS and more'));
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe('not_meterable');
    expect(error.message).toContain('send WAV or MP3, or use a model that is billed by tokens');
    expect(gateway.upstream.sent).toEqual([]);
  });

  it('is refused where it could cost more than is left', async () => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap('0.0009') } });
    const response = await transcribe(gateway, { model: 'whisper-1' });
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({
      error: { code: 'insufficient_quota', limit: { requested: '0.001', fits: null } },
    });
    expect(gateway.upstream.sent).toEqual([]);
  });

  it('is charged at its hold where the answer tells nothing', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{"text":"Hi."}'));
    const response = await transcribe(gateway, { model: 'whisper-1' });
    expect(await gateway.viewOf(response)).toMatchObject({
      charge: { outcome: 'presumed_spent', cost_usd: '0.001' },
    });
  });
});

describe('a transcription by tokens', () => {
  const USAGE =
    '{"type":"tokens","input_tokens":110,"input_token_details":{"text_tokens":10,"audio_tokens":100},"output_tokens":20}';
  // 16,000 x $6 + 2,000 x $10, whatever the file
  const HOLD = '0.116';
  // 10 x $2.5 + 100 x $6 + 20 x $10
  const COST = '0.000825';
  const asked = { model: 'gpt-4o-transcribe', response_format: 'json' };

  it('is held at the model’s whole context, and charged what it cost', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(`{"text":"Hi.","usage":${USAGE}}`));
    const response = await transcribe(gateway, asked, ascii('OggS and more'));
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(HOLD);
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(COST);
    expect(await gateway.viewOf(response)).toMatchObject({
      charge: { outcome: 'settled', tokens: { input: 10, input_audio: 100, output: 20 } },
    });
  });

  it('streams, with its cost inside the last event', async () => {
    const gateway = await openGateway();
    const delta = 'data: {"type":"transcript.text.delta","delta":"Hi."}\n\n';
    const done = `data: {"type":"transcript.text.done","text":"Hi.","usage":${USAGE}}\n\n`;
    gateway.upstream.next(streamed([delta, done]));
    const response = await transcribe(gateway, { ...asked, stream: 'true' });
    const text = await response.text();
    expect(text.startsWith(delta)).toBe(true);
    expect(text).toContain(`"cost": "${COST}"`);
    expect(await gateway.viewOf(response)).toMatchObject({ charge: { outcome: 'settled', cost_usd: COST } });
  });

  it('that breaks off is charged at its hold, and never ends cleanly', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed(['data: {"type":"transcript.text.delta","delta":"Hi."}\n\n']));
    const response = await transcribe(gateway, { ...asked, stream: 'true' });
    expect(await response.text()).toMatch(/data: \{"error":\{.*"code":"stream_broken"\}\}\n\n$/);
    expect(await gateway.viewOf(response)).toMatchObject({ charge: { outcome: 'presumed_spent' } });
  });

  it('that is not streamed after all is read as it comes', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(`{"text":"Hi.","usage":${USAGE}}`));
    const response = await transcribe(gateway, { ...asked, stream: 'true' });
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(COST);
  });
});

describe('a form that two sides could read differently is refused', () => {
  const PARTS = [
    '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n',
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nx\r\n',
  ];
  const END = '--b--\r\n';
  it.each<[string, string, string]>([
    ['twice the same member', PARTS[0]! + PARTS.join('') + END, 'multipart/form-data; boundary=b'],
    ['no end', PARTS.join(''), 'multipart/form-data; boundary=b'],
    ['another boundary', PARTS.join('') + END, 'multipart/form-data; boundary=c'],
    ['two boundaries', PARTS.join('') + END, 'multipart/form-data; boundary=b; boundary=c'],
    ['another parameter', PARTS.join('') + END, 'multipart/form-data; charset=utf-7; boundary=b'],
    ['no boundary', PARTS.join('') + END, 'multipart/form-data'],
    ['another type', PARTS.join('') + END, 'application/x-www-form-urlencoded'],
    ['JSON', '{"model":"whisper-1"}', 'application/json'],
    ['nothing', '', 'multipart/form-data; boundary=b'],
    ['something before it', `odd\r\n${PARTS.join('')}${END}`, 'multipart/form-data; boundary=b'],
    [
      'a name in another form',
      PARTS.join('').replace('name="model"', "name*=utf-8''model") + END,
      'multipart/form-data; boundary=b',
    ],
    [
      'lines that end otherwise',
      (PARTS.join('') + END).replaceAll('\r\n', '\n'),
      'multipart/form-data; boundary=b',
    ],
  ])('%s', async (_, body, contentType) => {
    const gateway = await openGateway();
    const response = await gateway.call(TRANSCRIPTIONS, body, { 'content-type': contentType });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_request' } });
    expect(gateway.upstream.sent).toEqual([]);
  });

  it('but a list may name its members alike', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{"text":"Hi.","usage":{"type":"duration","seconds":9}}'));
    const made = form({ model: 'whisper-1' });
    for (const kind of ['word', 'segment']) made.append('timestamp_granularities[]', kind);
    expect((await gateway.request('POST', TRANSCRIPTIONS, made)).status).toBe(200);
  });

  it('and so is one of more than 1,000 members, before it is read', async () => {
    const gateway = await openGateway();
    const filled = (lists: number) => {
      const made = form({ model: 'whisper-1' });
      while ([...made].length < lists) made.append('include[]', 'logprobs');
      return made;
    };
    const refused = await gateway.request('POST', TRANSCRIPTIONS, filled(1_001));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { code: 'invalid_request', message: 'The form has more than 1000 members.' },
    });
    expect(gateway.upstream.sent).toEqual([]);
    gateway.upstream.next(plain('{"text":"Hi.","usage":{"type":"duration","seconds":9}}'));
    expect((await gateway.request('POST', TRANSCRIPTIONS, filled(1_000))).status).toBe(200);
  });

  it('and so is one of more than 6 MB, with advice', async () => {
    const gateway = await openGateway();
    const response = await transcribe(gateway, { model: 'whisper-1' }, wav({ dataBytes: 6 << 20 }));
    expect(response.status).toBe(413);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe('request_too_large');
    expect(error.message).toContain('fewer or shorter ones');
  });
});

describe('speech', () => {
  const BODY = '{"model":"tts-1","input":"Say hi.","voice":"ash"}';
  const COST = '0.000105'; // 7 characters x $15 a million
  const MP3 = { headers: { 'content-type': 'audio/mpeg' } };

  it.each([SPEECH, '/audio/speech'])('is charged by the characters sent, at %s', async (path) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('\u0000sound', MP3));
    const response = await gateway.call(path, BODY);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(COST);
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(COST);
    expect(await response.text()).toBe('\u0000sound');
    expect(await gateway.viewOf(response)).toMatchObject({ charge: { outcome: 'settled', cost_usd: COST } });
    expect(await gateway.account()).toMatchObject({ settled: COST, held: '0.00' });
  });

  it('arrives as the provider makes it', async () => {
    const gateway = await openGateway();
    const live = new LiveAnswer('application/json');
    gateway.upstream.next(live.script);
    const response = await gateway.call(SPEECH, BODY);
    expect(await gateway.account()).toMatchObject({ settled: COST });
    const reader = response.body!.getReader();
    live.write('first');
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('first');
    live.write('second');
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('second');
    live.end();
    expect((await reader.read()).done).toBe(true);
  });

  it('that breaks off is cut for the client too, and charged', async () => {
    const gateway = await openGateway();
    const live = new LiveAnswer('application/json');
    gateway.upstream.next(live.script);
    const response = await gateway.call(SPEECH, BODY);
    live.write('first');
    live.breakOff();
    await expect(response.text()).rejects.toThrow();
    expect(await gateway.account()).toMatchObject({ settled: COST });
  });

  it.each<[string, () => Parameters<TestGateway['upstream']['next']>[0], string, string]>([
    ['refused', () => plain('{"error":{}}', { status: 400 }), 'voided', '0.00'],
    ['failed', () => plain('{"error":{}}', { status: 500 }), 'voided', '0.00'],
    ['lost', () => plain('{"error":{}}', { status: 504 }), 'presumed_spent', COST],
    ['unreached', () => notSent, 'voided', '0.00'],
  ])('that is %s by the provider is charged like any call', async (_, script, outcome, cost) => {
    const gateway = await openGateway();
    gateway.upstream.next(script());
    const response = await gateway.call(SPEECH, BODY);
    expect(response.ok).toBe(false);
    expect(await gateway.viewOf(response)).toMatchObject({ charge: { outcome, cost_usd: cost } });
  });
});

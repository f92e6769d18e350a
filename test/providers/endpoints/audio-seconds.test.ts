/** How long a file plays at most, worked out by hand from its header; undefined where a header proves nothing. */
import { describe, expect, it, vi } from 'vitest';
import { audioSecondsMax } from '../../../lambdas/adapters/providers/openai/audio-seconds.ts';
import { ascii, chunk, joined, mp3, mp3Frame, wav } from '../../support/audio-files.ts';

describe('WAV', () => {
  it.each<[string, Parameters<typeof wav>[0], bigint]>([
    // 44 bytes of header count as sound, too.
    ['a second of 16-bit mono at 16 kHz', { dataBytes: 32_000 }, 2n],
    ['a little less', { dataBytes: 31_956 }, 1n],
    ['stereo', { channels: 2, dataBytes: 127_956 }, 2n],
    ['8 bits', { bits: 8, hertz: 8000, dataBytes: 79_956 }, 10n],
    ['24 bits at 48 kHz', { bits: 24, hertz: 48_000, dataBytes: 1_439_956 }, 10n],
    ['float', { format: 3, bits: 32, dataBytes: 639_956 }, 10n],
    ['A-law', { format: 6, bits: 8, hertz: 8000, dataBytes: 79_956 }, 10n],
    ['mu-law', { format: 7, bits: 8, hertz: 8000, dataBytes: 79_956 }, 10n],
    ['the extensible form', { format: 0xfffe, dataBytes: 319_956 }, 10n],
    ['no sound', { dataBytes: 0 }, 1n],
    ['a sample a second, which is long', { hertz: 1, bits: 8, dataBytes: 1_000_000 }, 1_000_044n],
  ])('%s', (_, file, seconds) => {
    expect(audioSecondsMax(wav(file))).toBe(seconds);
  });

  it('with other chunks before its sound', () => {
    const extra = joined(chunk('LIST', ascii('odd')), chunk('fact', new Uint8Array(4)));
    expect(audioSecondsMax(wav({ extra, dataBytes: 32_000 }))).toBe(2n);
  });

  it.each<[string, Uint8Array]>([
    ['a packed format', wav({ format: 0x0055 })],
    ['bits that are none', wav({ bits: 12 })],
    ['no channel', wav({ channels: 0 })],
    ['no sample', wav({ hertz: 0 })],
    ['two formats', wav({ extra: chunk('fmt ', new Uint8Array(16)) })],
    ['a header that is cut', wav().slice(0, 30)],
    ['no format', joined(ascii('RIFF    WAVE'), chunk('data', new Uint8Array(100)))],
    ['a format that is too short', joined(ascii('RIFF    WAVE'), chunk('fmt ', new Uint8Array(8)))],
    ['nothing but its name', ascii('RIFF    WAVE')],
  ])('proves nothing with %s', (_, file) => {
    expect(audioSecondsMax(file)).toBeUndefined();
  });
});

describe('MP3', () => {
  // 1,152 samples at 44,100 Hz are 26.12 ms.
  it.each([
    [1, 1n],
    [38, 1n],
    [39, 2n],
    [1000, 27n],
  ])('%i frames', (frames, seconds) => {
    expect(audioSecondsMax(mp3(frames))).toBe(seconds);
  });

  it.each<[string, Uint8Array, bigint]>([
    // 8 kbit/s at 8 kHz: 72 bytes are 576 samples, 72 ms
    ['the slowest', joined(...Array.from({ length: 100 }, () => mp3Frame([0xff, 0xe3, 0x18, 0], 72))), 8n],
    // MPEG-2, 64 kbit/s at 24 kHz: 192 bytes are 24 ms
    ['MPEG-2', joined(...Array.from({ length: 100 }, () => mp3Frame([0xff, 0xf3, 0x84, 0], 192))), 3n],
    // 320 kbit/s at 48 kHz: 960 bytes are 24 ms
    ['the fastest', joined(...Array.from({ length: 100 }, () => mp3Frame([0xff, 0xfb, 0xe4, 0], 960))), 3n],
    ['padded frames', joined(mp3Frame([0xff, 0xfb, 0x92, 0], 418), mp3(37)), 1n],
    ['a tag before it', joined(ascii('ID3\x04\x00\x00\x00\x00\x01\x00'), new Uint8Array(128), mp3(38)), 1n],
    [
      'a tag with a footer',
      joined(ascii('ID3\x04\x00\x10\x00\x00\x00\x04'), new Uint8Array(14), mp3(38)),
      1n,
    ],
    ['a tag behind it', joined(mp3(38), ascii(`TAG${' '.repeat(125)}`)), 1n],
    ['a last frame that is cut', mp3(39).slice(0, 417 * 38 + 4), 2n],
  ])('%s', (_, file, seconds) => {
    expect(audioSecondsMax(file)).toBe(seconds);
  });

  it.each<[string, Uint8Array]>([
    ['something else in it', joined(mp3(5), ascii('fLaC'), mp3(5))],
    [
      'FLAC behind a tag',
      joined(ascii('ID3\x04\x00\x00\x00\x00\x00\x00'), ascii('fLaC'), new Uint8Array(99)),
    ],
    ['a tag alone', joined(ascii('ID3\x04\x00\x00\x00\x00\x00\x05'), new Uint8Array(5))],
    ['a tag longer than the file', joined(ascii('ID3\x04\x00\x00\x7f\x7f\x7f\x7f'), mp3(5))],
    ['three bytes of a frame', joined(mp3(1), new Uint8Array([0xff, 0xfb, 0x90]))],
    ['free format', mp3Frame([0xff, 0xfb, 0x00, 0], 417)],
    ['a bit rate that is none', mp3Frame([0xff, 0xfb, 0xf0, 0], 417)],
    ['a sample rate that is none', mp3Frame([0xff, 0xfb, 0x9c, 0], 417)],
    ['a version that is none', mp3Frame([0xff, 0xeb, 0x90, 0], 417)],
    ['layer II', mp3Frame([0xff, 0xfd, 0x90, 0], 417)],
  ])('proves nothing with %s', (_, file) => {
    expect(audioSecondsMax(file)).toBeUndefined();
  });
});

it.each<[string, Uint8Array]>([
  ['nothing', new Uint8Array()],
  ['FLAC', joined(ascii('fLaC'), new Uint8Array(100))],
  ['Ogg', joined(ascii('OggS'), new Uint8Array(100))],
  ['WebM', joined(new Uint8Array([0x1a, 0x45, 0xdf, 0xa3]), new Uint8Array(100))],
  ['MP4', joined(new Uint8Array([0, 0, 0, 0x20]), ascii('ftypM4A '), new Uint8Array(100))],
  ['text', ascii('not a sound')],
])('%s proves nothing', (_, file) => {
  expect(audioSecondsMax(file)).toBeUndefined();
});

it('takes one step a frame', () => {
  const steps = vi.spyOn(DataView.prototype, 'getUint32');
  const file = mp3(20_000);
  expect(audioSecondsMax(file)).toBe(523n);
  expect(steps).toHaveBeenCalledTimes(20_000);
  steps.mockRestore();
});

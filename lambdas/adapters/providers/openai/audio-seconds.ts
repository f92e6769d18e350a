/**
 * How long an audio file plays, for models that bill by the second, where its bytes prove it: WAV by its header, MP3
 * by walking its frames. Others prove nothing (a few bytes of FLAC or of an MP4's time table can stand for hours), so
 * they have no bound here. Sources: RIFF WAVE (Microsoft, Multiple Channel Audio Data), ISO 11172-3 and 13818-3.
 */
import { divCeil } from '../../../core/money.ts';

/** Whole seconds at most, as OpenAI rounds them; undefined where nothing proves it. */
export function audioSecondsMax(bytes: Uint8Array): bigint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return wavSeconds(view) ?? mp3Seconds(view);
}

const ascii = (view: DataView, at: number, length: number): string => {
  if (at + length > view.byteLength) return '';
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));
};

/** Linear PCM, float, A-law, mu-law, and the extensible form of these: so many bytes are so many samples. */
const WAV_FORMATS: ReadonlySet<number> = new Set([0x0001, 0x0003, 0x0006, 0x0007, 0xfffe]);
const WAV_BITS: ReadonlySet<number> = new Set([8, 16, 24, 32, 64]);

/** All bytes of the file count as sound. */
function wavSeconds(view: DataView): bigint | undefined {
  if (ascii(view, 0, 4) !== 'RIFF' || ascii(view, 8, 4) !== 'WAVE') return undefined;
  let bytesPerSecond: bigint | undefined;
  for (let at = 12; at + 8 <= view.byteLength;) {
    const name = ascii(view, at, 4);
    const size = view.getUint32(at + 4, true);
    if (name === 'data') break;
    if (name === 'fmt ') {
      if (bytesPerSecond !== undefined || size < 16 || at + 24 > view.byteLength) return undefined;
      const [format, channels] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
      const [rate, bits] = [view.getUint32(at + 12, true), view.getUint16(at + 22, true)];
      if (!WAV_FORMATS.has(format) || !WAV_BITS.has(bits)) return undefined;
      bytesPerSecond = BigInt(rate) * BigInt(channels) * BigInt(bits / 8);
    }
    at += 8 + size + (size % 2);
  }
  if (bytesPerSecond === undefined || bytesPerSecond === 0n) return undefined;
  return divCeil(BigInt(view.byteLength), bytesPerSecond);
}

/** Kilobits a second of layer III, by index; 0 is free format, which no walk can follow. */
const MPEG1_KBITS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2_KBITS = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/** Hertz of MPEG-1, by index; MPEG-2 has half, MPEG-2.5 a quarter. */
const MPEG1_HERTZ = [44_100, 48_000, 32_000];

/** Frame after frame until the end: a file that anything else stands in is none whose length is proved. */
function mp3Seconds(view: DataView): bigint | undefined {
  let at = id3Length(view);
  // Samples at the highest common rate, so that they add up whole.
  let ticks = 0n;
  let frames = 0;
  while (at < view.byteLength) {
    if (view.byteLength - at === 128 && ascii(view, at, 3) === 'TAG') break; // ID3v1
    const frame = mp3Frame(view, at);
    if (!frame) return undefined;
    ticks += (BigInt(frame.samples) * TICKS_PER_SECOND) / BigInt(frame.hertz);
    at += frame.bytes;
    frames += 1;
  }
  return frames === 0 ? undefined : divCeil(ticks, TICKS_PER_SECOND);
}

/** The least number that every sample rate of MPEG divides. */
const TICKS_PER_SECOND = 14_112_000n;

/** Length of an ID3v2 tag at the beginning; 0 without one. */
function id3Length(view: DataView): number {
  if (ascii(view, 0, 3) !== 'ID3' || view.byteLength < 10) return 0;
  const size = [6, 7, 8, 9].reduce((sum, i) => sum * 128 + (view.getUint8(i) & 0x7f), 0);
  const hasFooter = (view.getUint8(5) & 0x10) !== 0;
  return 10 + size + (hasFooter ? 10 : 0);
}

function mp3Frame(view: DataView, at: number): { bytes: number; samples: number; hertz: number } | undefined {
  if (at + 4 > view.byteLength) return undefined;
  const header = view.getUint32(at);
  const version = (header >>> 19) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const isLayer3 = ((header >>> 17) & 3) === 1;
  const kbits = (version === 3 ? MPEG1_KBITS : MPEG2_KBITS)[(header >>> 12) & 15];
  const mpeg1Hertz = MPEG1_HERTZ[(header >>> 10) & 3];
  if (header >>> 21 !== 0x7ff || version === 1 || !isLayer3 || !kbits || mpeg1Hertz === undefined) {
    return undefined;
  }
  const hertz = version === 3 ? mpeg1Hertz : version === 2 ? mpeg1Hertz / 2 : mpeg1Hertz / 4;
  const samples = version === 3 ? 1152 : 576;
  const padding = (header >>> 9) & 1;
  return { bytes: Math.floor((samples / 8) * ((kbits * 1000) / hertz)) + padding, samples, hertz };
}

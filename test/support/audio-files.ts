/** Audio files in their documented forms, silent, byte for byte as their headers say. */

interface Wav {
  format?: number;
  channels?: number;
  hertz?: number;
  bits?: number;
  /** Bytes of sound. */
  dataBytes?: number;
  /** Between the header and the sound. */
  extra?: Uint8Array;
}

export function wav({
  format = 1,
  channels = 1,
  hertz = 16_000,
  bits = 16,
  dataBytes = 32_000,
  extra = new Uint8Array(),
}: Wav = {}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + extra.length + dataBytes);
  const view = new DataView(bytes.buffer);
  text(bytes, 0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  text(bytes, 8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, format, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, hertz, true);
  view.setUint32(28, (hertz * channels * bits) / 8, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  bytes.set(extra, 36);
  text(bytes, 36 + extra.length, 'data');
  view.setUint32(40 + extra.length, dataBytes, true);
  return bytes;
}

/** A chunk of a RIFF file. */
export function chunk(name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + content.length + (content.length % 2));
  text(bytes, 0, name);
  new DataView(bytes.buffer).setUint32(4, content.length, true);
  bytes.set(content, 8);
  return bytes;
}

/** Frames of MPEG-1 layer III, 128 kbit/s at 44,100 Hz: 417 bytes and 1,152 samples each. */
export const mp3 = (frames: number): Uint8Array<ArrayBuffer> =>
  joined(...Array.from({ length: frames }, () => mp3Frame([0xff, 0xfb, 0x90, 0x00], 417)));

export function mp3Frame(header: readonly number[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  bytes.set(header);
  return bytes;
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const ascii = (content: string): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(content.length);
  text(bytes, 0, content);
  return bytes;
};

function text(bytes: Uint8Array, at: number, content: string): void {
  for (let i = 0; i < content.length; i++) bytes[at + i] = content.charCodeAt(i);
}

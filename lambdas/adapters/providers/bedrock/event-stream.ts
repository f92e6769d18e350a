/**
 * AWS's binary framing of streams, `application/vnd.amazon.eventstream`, by the SDK's own codec, which checks both
 * checksums of every message. An event is named `<message type>/<its own type>`: `event/metadata`,
 * `exception/throttlingException`. It has no comments, so nothing is said while the provider is silent.
 */
import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { StreamEvent } from '../../../core/endpoint.ts';
import type { StreamFraming } from '../../../core/stream-framing.ts';

export const EVENT_STREAM = 'application/vnd.amazon.eventstream';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const textOf = (bytes: Uint8Array | string): string =>
  typeof bytes === 'string' ? bytes : decoder.decode(bytes);
const codec = new EventStreamCodec(textOf, (text) => encoder.encode(text));

/** Header that names a message, by its type. */
const NAME_HEADER: Record<string, string> = {
  event: ':event-type',
  exception: ':exception-type',
  error: ':error-code',
};

export const awsEventStream: StreamFraming = {
  contentType: EVENT_STREAM,
  keepAlive: undefined,
  decoder() {
    const messages = new Messages();
    return (bytes) => messages.take(bytes).map((frame) => ({ kind: 'event', event: eventOf(frame) }));
  },
  encode: ({ event = '', data, frame }) => frame ?? encodeMessage(event, data),
};

export function encodeMessage(name: string, data: string): Uint8Array {
  const [type = '', own = ''] = name.split('/');
  const headers = {
    [NAME_HEADER[type]!]: { type: 'string' as const, value: own },
    ':content-type': { type: 'string' as const, value: 'application/json' },
    ':message-type': { type: 'string' as const, value: type },
  };
  return codec.encode({ headers, body: encoder.encode(data) });
}

/** Throws on a message whose checksums do not hold. */
function eventOf(frame: Uint8Array): StreamEvent {
  const { headers, body } = codec.decode(frame);
  const type = String(headers[':message-type']?.value);
  const own = String(headers[NAME_HEADER[type] ?? '']?.value);
  return { event: `${type}/${own}`, data: textOf(body), id: undefined, frame };
}

const LENGTH_BYTES = 4;
/** Lengths, checksums and nothing between them. */
const MESSAGE_BYTES_MIN = 16;
/** Of headers and payload together (AWS's specification of the format): what is longer is no such stream. */
const MESSAGE_BYTES_MAX = 24 * 1024 * 1024;

/** Where one message ends and the next begins: each tells its length first. */
class Messages {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #wanted = LENGTH_BYTES;

  take(bytes: Uint8Array): Uint8Array[] {
    this.#pieces.push(bytes);
    this.#length += bytes.byteLength;
    if (this.#length < this.#wanted) return [];
    const all = joined(this.#pieces, this.#length);
    const whole: Uint8Array[] = [];
    let at = 0;
    this.#wanted = LENGTH_BYTES;
    while (all.byteLength - at >= this.#wanted) {
      const length = lengthAt(all, at);
      this.#wanted = length;
      if (all.byteLength - at < length) break;
      whole.push(all.subarray(at, at + length));
      at += length;
      this.#wanted = LENGTH_BYTES;
    }
    this.#pieces = [all.subarray(at)];
    this.#length = all.byteLength - at;
    return whole;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
  if (length < MESSAGE_BYTES_MIN || length > MESSAGE_BYTES_MAX)
    throw new Error(`a message of ${length} bytes is none`);
  return length;
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}

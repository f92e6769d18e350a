/** How the events of a stream stand on the wire. Server-sent events here; a provider's own framing in its adapter. */
import { createParser } from 'eventsource-parser';
import type { StreamEvent } from './endpoint.ts';

export type StreamFrame =
  | { kind: 'event'; event: StreamEvent }
  /** Says nothing, and is passed on as it is. */
  | { kind: 'comment'; bytes: Uint8Array };

export interface StreamFraming {
  /** Media type of the answer, without parameters. */
  contentType: string;
  /** What may be said while the provider is silent; undefined where a client might take it for an event. */
  keepAlive: Uint8Array | undefined;
  /** Takes a stream piece by piece and gives its whole frames. Throws on bytes that are no such stream. */
  decoder: () => (bytes: Uint8Array) => StreamFrame[];
  encode: (event: StreamEvent) => Uint8Array;
}

const encoder = new TextEncoder();
const comment = (text: string): Uint8Array => encoder.encode(`: ${text}\n\n`);

export const serverSentEvents: StreamFraming = {
  contentType: 'text/event-stream',
  keepAlive: comment('keep-alive'),
  decoder() {
    let frames: StreamFrame[] = [];
    const parser = createParser({
      onEvent: ({ event, data, id }) => frames.push({ kind: 'event', event: { event, data, id } }),
      onComment: (text) => frames.push({ kind: 'comment', bytes: comment(text.trimStart()) }),
    });
    const decoder = new TextDecoder();
    return (bytes) => {
      parser.feed(decoder.decode(bytes, { stream: true }));
      const whole = frames;
      frames = [];
      return whole;
    };
  },
  encode({ event, data, id }) {
    const lines: string[] = [];
    if (event !== undefined) lines.push(`event: ${event}`);
    for (const line of data.split('\n')) lines.push(`data: ${line}`);
    if (id !== undefined) lines.push(`id: ${id}`);
    return encoder.encode(`${lines.join('\n')}\n\n`);
  },
};

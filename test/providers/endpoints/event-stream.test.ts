/** AWS's framing of streams: pieces of any size in, the messages as they came out, and nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { awsEventStream, encodeMessage } from '../../../lambdas/adapters/providers/bedrock/event-stream.ts';
import type { StreamFrame } from '../../../lambdas/core/stream-framing.ts';

const bytesOf = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

const messages: [name: string, data: string][] = [
  ['event/messageStart', '{"role":"assistant","p":"abc"}'],
  ['event/contentBlockDelta', '{"delta":{"text":"grüße 🙂"},"contentBlockIndex":0}'],
  ['exception/throttlingException', '{"message":"slower"}'],
  ['event/metadata', '{"usage":{"inputTokens":1}}'],
];
const whole = bytesOf(messages.map(([name, data]) => encodeMessage(name, data)));

const eventsOf = (frames: StreamFrame[]) =>
  frames.map((frame) => (frame.kind === 'event' ? frame.event : undefined)!);

describe('messages', () => {
  it('come whole, however they are cut, and leave as they came', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 60 }), (sizes) => {
        const take = awsEventStream.decoder();
        const frames: StreamFrame[] = [];
        let at = 0;
        for (const size of [...sizes, whole.length]) {
          frames.push(...take(whole.subarray(at, at + size)));
          at += size;
        }
        const events = eventsOf(frames);
        expect(events.map(({ event, data }) => [event, data])).toEqual(messages);
        expect(bytesOf(events.map((event) => awsEventStream.encode(event)))).toEqual(whole);
      }),
    );
  });

  it('that were changed are written anew, with their checksums', () => {
    const [event] = eventsOf(awsEventStream.decoder()(encodeMessage('event/metadata', '{"a":1}')));
    const changed = awsEventStream.encode({ ...event!, data: '{"a":2}', frame: undefined });
    expect(changed).toEqual(encodeMessage('event/metadata', '{"a":2}'));
    expect(eventsOf(awsEventStream.decoder()(changed))[0]).toMatchObject({ data: '{"a":2}' });
  });

  it.each([0, 5, 9, 20, whole.length - 2])('with a wrong byte at %i are none', (at) => {
    const broken = whole.slice();
    broken[at]! ^= 1;
    const take = awsEventStream.decoder();
    // A message that only grew is still being waited for: more than is left never comes.
    expect(() => eventsOf([...take(broken), ...take(new Uint8Array(1 << 25))])).toThrow();
  });

  it.each([
    ['another kind of answer', '{"message":"Internal failure"}'],
    ['text', 'event: ping\n\n'],
    ['nothing but zeros', '\0'.repeat(64)],
  ])('are not %s, whose length is not believed', (_, text) => {
    expect(() => awsEventStream.decoder()(new TextEncoder().encode(text))).toThrow(/is none/);
  });
});

/** How a stream of the chat, image and audio endpoints says that it cannot go on: SDKs throw on it. */
import type { StreamEvent } from '../../../core/endpoint.ts';

export function errorFrame(message: string): StreamEvent {
  const error = { message, type: 'api_error', param: null, code: 'stream_broken' };
  return { event: undefined, id: undefined, data: JSON.stringify({ error }) };
}

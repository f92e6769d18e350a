/** Writes an answer to its socket, in whichever way the directives want it to end. */
import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, SimulatedEndpoint, SseFrame } from './exchange.ts';
import type { SimulatedOutcome } from './truth.ts';

type Ending = Extract<SimulatedOutcome, 'answered' | 'reset' | 'failed' | 'ended_early'>;
type Head = Record<string, string | string[]>;

export async function deliverPlain(
  response: ServerResponse,
  head: Head,
  body: string,
  answer: Answer,
): Promise<Ending> {
  const { reset } = answer.directives;
  const bytes = Buffer.from(body);
  response.writeHead(200, { ...head, 'content-type': 'application/json', 'content-length': bytes.length });
  if (typeof reset === 'number') {
    await written(response, bytes.subarray(0, reset));
    return cut(response);
  }
  if (answer.directives.end === 'early') {
    await written(response, bytes.subarray(0, bytes.length / 2));
    response.socket?.end();
    return 'ended_early';
  }
  response.end(bytes);
  return 'answered';
}

export async function deliverStream(
  response: ServerResponse,
  head: Head,
  endpoint: SimulatedEndpoint,
  answer: Answer,
): Promise<Ending> {
  const { directives } = answer;
  const frames = endpoint.frames(answer);
  /** How much of the answer comes before it is interrupted: half, where nothing is said. */
  const half = Math.ceil(frames.length / 2);
  const last = typeof directives.reset === 'number' ? directives.reset : half;
  response.writeHead(200, {
    ...head,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
  response.flushHeaders();
  for (const [i, frame] of frames.entries()) {
    if (typeof directives.reset === 'number' && i >= last) return cut(response);
    if (directives.end === 'early' && i >= last) {
      response.end();
      return 'ended_early';
    }
    if (directives.error === 'mid' && i >= last) {
      response.end(
        textOf(endpoint.errorFrame('The simulated provider fails in mid-stream, as it was asked to.')),
      );
      return 'failed';
    }
    await written(response, textOf(frame));
    if (i === 0 && directives.silent !== undefined) await sleep(directives.silent);
    if (directives['chunk-delay'] !== undefined) await sleep(directives['chunk-delay']);
  }
  if (typeof directives.reset === 'number') return cut(response);
  response.end();
  return 'answered';
}

const textOf = ({ event, data }: SseFrame): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`;

/** The connection is reset; what was written before has left. */
function cut(response: ServerResponse): 'reset' {
  response.socket?.resetAndDestroy();
  return 'reset';
}

/** Ends once the client can take more, or is gone: the answer is made, and billed, without it. */
async function written(response: ServerResponse, data: string | Buffer): Promise<void> {
  if (response.closed || response.write(data)) return;
  await Promise.race([once(response, 'drain'), once(response, 'close')]);
}

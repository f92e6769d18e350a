/**
 * The end of a Lambda invocation, told in time to settle before it. First the provider is cut off, so that the call ends
 * and is charged at its hold; then a client that does not read is given up; at last we stop waiting, and the collector
 * will find the hold. Nothing here depends on being told that the client's connection was closed.
 */
import { durationMs } from '../core/brands.ts';
import type { Clock, Timer } from '../core/ports.ts';

export interface Deadline {
  /** Aborts while there is time to settle and to say so to the client. */
  upstream: AbortSignal;
  /** Aborts a little later: whoever has not read by now does not hold up the books. */
  client: AbortSignal;
  /** Resolves shortly before the process is stopped; never after `clear`. */
  last: Promise<void>;
  /** Stops all timers. */
  clear(): void;
}

/** Before the end: two writes, each of which retries for some seconds when the table is slow. */
const UPSTREAM_MS = 10_000;
const CLIENT_MS = 8_000;
const LAST_MS = 1_000;
/** Invocations shorter than this get the same shares of their time. */
const SHORT_MS = 20_000;

export function startDeadline(remainingMs: number, clock: Clock): Deadline {
  const timers: Timer[] = [];
  let isCleared = false;
  const before = (marginMs: number, act: () => void): void => {
    const margin = Math.min(marginMs, (remainingMs * marginMs) / SHORT_MS);
    const timer = clock.timer(durationMs(Math.max(0, Math.floor(remainingMs - margin))));
    timers.push(timer);
    void timer.ended.then(() => {
      if (!isCleared) act();
    });
  };
  const upstream = new AbortController();
  const client = new AbortController();
  before(UPSTREAM_MS, () => upstream.abort(new Error('the time for the call is up')));
  before(CLIENT_MS, () => client.abort(new Error('the time for the call is up')));
  const last = new Promise<void>((resolve) => before(LAST_MS, resolve));
  return {
    upstream: upstream.signal,
    client: client.signal,
    last,
    clear: () => {
      isCleared = true;
      for (const timer of timers) timer.stop();
    },
  };
}

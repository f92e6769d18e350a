/**
 * Whether the client is still there, from the moment a call is sent. A client that left is no reason to lose the
 * usage: upstream is read on for a while, then ended.
 */
import { durationMs } from '../brands.ts';
import type { Call } from '../call.ts';
import { SECOND } from '../time.ts';

export interface ClientPresence {
  /** Aborted once the client left. */
  left: AbortSignal;
  /** Told by whoever sees it leave; hosts abort the request, or cancel the body of the response, or both. */
  leave(): void;
  /** The provider's answer is over: nothing is left to end. */
  done(): void;
}

export function watchClient(call: Call, upstream: AbortController): ClientPresence {
  const { signal } = call.request;
  const left = new AbortController();
  const over = new AbortController();
  const leave = (): void => {
    if (left.signal.aborted) return;
    left.abort();
    if (over.signal.aborted) return;
    const drain = durationMs(call.gateway.policy.drainSeconds * SECOND);
    void call.gateway.clock.sleep(drain, over.signal).then(() => {
      if (over.signal.aborted) return;
      upstream.abort(new Error('the client left and the answer took too long'));
    });
  };
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  return {
    left: left.signal,
    leave,
    done: () => {
      over.abort();
      // Platforms hold a request's signal as long as the process lives, and with it whatever listens to it.
      signal.removeEventListener('abort', leave);
    },
  };
}

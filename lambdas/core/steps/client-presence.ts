/**
 * Whether the client is still there, from the moment a call is sent. A client that left is no reason to lose the
 * usage: upstream is read on for a while, then ended.
 */
import { durationMs } from '../brands.ts';
import type { Call } from '../call.ts';
import type { Timer } from '../ports.ts';
import { SECOND } from '../time.ts';

export interface ClientPresence {
  hasLeft(): boolean;
  /** Resolves when the client leaves. */
  left: Promise<void>;
  /** Told by whoever sees it leave; hosts abort the request, or cancel the body of the response, or both. */
  leave(): void;
  /** The provider's answer is over: nothing is left to end. */
  done(): void;
}

export function watchClient(call: Call, upstream: AbortController): ClientPresence {
  const { gateway, request } = call;
  let hasLeft = false;
  let isOver = false;
  let drain: Timer | undefined;
  let resolveLeft!: () => void;
  const left = new Promise<void>((resolve) => (resolveLeft = resolve));
  const leave = (): void => {
    if (hasLeft) return;
    hasLeft = true;
    resolveLeft();
    if (isOver) return;
    drain = gateway.clock.timer(durationMs(gateway.policy.drainSeconds * SECOND));
    void drain.ended.then(() => {
      if (!isOver) upstream.abort(new Error('the client left and the answer took too long'));
    });
  };
  const { signal } = request;
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  return {
    hasLeft: () => hasLeft,
    left,
    leave,
    done: () => {
      isOver = true;
      drain?.stop();
      // Platforms hold a request's signal as long as the process lives, and with it whatever listens to it.
      signal.removeEventListener('abort', leave);
    },
  };
}

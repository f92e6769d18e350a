/** Waiting for a provider without letting the client's connection fall silent. */
import type { Call } from '../call.ts';
import type { DurationMs } from '../brands.ts';

/** What `work` gives, or 'silent' once it has taken longer than `patience`. */
export async function unlessSilent<T>(
  call: Call,
  work: Promise<T>,
  patience: DurationMs,
): Promise<T | 'silent'> {
  const timer = call.gateway.clock.timer(patience);
  try {
    return await Promise.race([work, timer.ended.then(() => 'silent' as const)]);
  } finally {
    timer.stop();
  }
}

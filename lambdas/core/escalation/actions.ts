/** What a ladder does about a rung, and not before when. Computed once, in the event: the machine only waits and acts. */
import { durationMs, type EpochMs } from '../brands.ts';
import type { Rung } from '../caps/rungs.ts';
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import type { Ladder } from '../policy/ladder.ts';
import { endOfDailySpan, MINUTE, plus, toRfc3339 } from '../time.ts';

interface Reached {
  rung: Rung;
  at: EpochMs;
  isMailed: boolean;
}

export function actionsOf(ladder: Ladder, { rung, at, isMailed }: Reached): CapThresholdCrossed['actions'] {
  const { quietHours, throttle } = ladder;
  // Whoever is blocked waits for a person.
  const wakes = quietHours === undefined || rung === 'block';
  const mailAt = wakes ? at : (endOfDailySpan(quietHours, at) ?? at);
  const stageAt = rung === 'throttle' ? plus(at, durationMs(throttle.graceMinutes * MINUTE)) : at;
  return { mail: isMailed, mail_at: toRfc3339(mailAt), stage_at: toRfc3339(stageAt) };
}

/** Looks for the highest rate that is held: up by steps, back between the last two, then the whole time for proof. */
import type { Point, Trial } from './point.ts';

/** Calls a second. */
const START = 200;
const STEP = 1.5;
/** The search ends when the highest held and the lowest not held are this close. */
const CLOSE = 1.12;
/** One such step for the first proof that fails, two for the second, and so on: a proof takes its time. */
const STEP_BACK = 0.92;
/** Nobody would call this held. */
const MIN = 10;

/** The point of the proof: at that rate, the whole time. */
export async function findHighestRate(
  seconds: number,
  measure: (trial: Trial) => Promise<Point>,
): Promise<Point> {
  const stepSeconds = Math.max(2, Math.round(seconds / 6));
  const isHeld = async (perSecond: number): Promise<boolean> => {
    // A neighbour's moment on the machine looks like a fault: what fails once is asked again.
    const attempt = async (): Promise<boolean> =>
      (await measure({ perSecond, seconds: stepSeconds, endsEarly: true })).faults.length === 0;
    return (await attempt()) || (await attempt());
  };

  let held = START;
  while (held > MIN && !(await isHeld(held))) held = Math.floor(held / STEP);
  let tooHigh = Math.round(held * STEP);
  while (await isHeld(tooHigh)) [held, tooHigh] = [tooHigh, Math.round(tooHigh * STEP)];
  while (tooHigh / held > CLOSE) {
    const between = Math.round(Math.sqrt(held * tooHigh));
    if (await isHeld(between)) held = between;
    else tooHigh = between;
  }

  for (let perSecond = held, failed = 0; perSecond >= MIN;) {
    const point = await measure({ perSecond, seconds, endsEarly: true });
    if (point.faults.length === 0) return point;
    failed += 1;
    perSecond = Math.floor(perSecond * STEP_BACK ** failed);
  }
  throw new Error(`not even ${MIN} calls a second were held for ${seconds} s`);
}

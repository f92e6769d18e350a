/** How often what goes wrong, drawn anew for each seed: some seeds are calm, some meet everything at once. */
import type { Random } from './random.ts';

export interface FaultRates {
  requestLost: number;
  answerLost: number;
  /** Answered with status 500; half of them are carried out all the same, at once or later. */
  serverError: number;
  /** Half a second to three seconds: some callers have given up by then. */
  slow: number;
  /** Carried out seconds to minutes after the caller gave up. */
  late: number;
  throttled: number;
  /** A single write meets somebody's transaction. */
  conflict: number;
  /** Of a process, at each await. */
  killed: number;
  skewMsMax: number;
}

export const NO_FAULTS: FaultRates = {
  requestLost: 0,
  answerLost: 0,
  serverError: 0,
  slow: 0,
  late: 0,
  throttled: 0,
  conflict: 0,
  killed: 0,
  skewMsMax: 0,
};

export const drawFaultRates = (random: Random): FaultRates => ({
  requestLost: random.pick([0, 0.02, 0.1]),
  answerLost: random.pick([0, 0.03, 0.15]),
  serverError: random.pick([0, 0.02]),
  slow: random.pick([0, 0.05]),
  late: random.pick([0, 0.01, 0.05]),
  throttled: random.pick([0, 0.02]),
  conflict: random.pick([0, 0.02]),
  killed: random.pick([0, 0.002, 0.008]),
  skewMsMax: random.pick([0, 200, 2000]),
});

/** What was injected, over a seed. */
export interface FaultCounts {
  requests: number;
  lostRequests: number;
  /** Answers to writes that were applied. */
  lostAnswers: number;
  /** Writes applied after their caller had given up. */
  delayedWrites: number;
  throttled: number;
  conflicts: number;
  kills: number;
}

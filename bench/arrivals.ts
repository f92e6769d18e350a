/** When calls leave: independent users come at random moments (a Poisson process), not in step. */
import type { Call } from './calls.ts';
import type { Arrival, Track } from './load.ts';

/** One call goes straight to the provider for so many through the gateway: the baseline, at the same time. */
const GATEWAY_CALLS_PER_DIRECT = 4;

export interface Rate {
  /** Calls through the gateway. */
  perSecond: number;
  seconds: number;
}

export function arrivalsAt({ perSecond, seconds }: Rate, call: () => Call, random: () => number): Arrival[] {
  const moments = (track: Track, count: number): Arrival[] =>
    // A Poisson process with a known number of arrivals is so many moments drawn evenly.
    Array.from({ length: count }, () => ({ ...call(), track, atMs: random() * seconds * 1000 }));
  const count = Math.round(perSecond * seconds);
  const both = [
    ...moments('gateway', count),
    ...moments('direct', Math.ceil(count / GATEWAY_CALLS_PER_DIRECT)),
  ];
  return both.sort((a, b) => a.atMs - b.atMs);
}

/** mulberry32: the same moments and the same mix in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

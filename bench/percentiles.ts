/** Exact percentiles of recorded latencies: every sample is kept and sorted, nothing is rounded into buckets. */

/** Milliseconds. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** The nearest-rank percentiles: each is a latency that some call really had. NaN of no samples. */
export function percentilesOf(samples: readonly number[]): Percentiles {
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/**
 * What the gateway adds: the difference of the percentiles, not a percentile of differences, for a call goes one
 * way or the other.
 */
export const minus = (gateway: Percentiles, direct: Percentiles): Percentiles => ({
  p50: gateway.p50 - direct.p50,
  p95: gateway.p95 - direct.p95,
  p99: gateway.p99 - direct.p99,
});

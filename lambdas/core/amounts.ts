/** Amounts of a metric as text: dollars in canonical form, everything else as a whole number. */
import { picoUsd } from './brands.ts';
import type { Metric } from './caps.ts';
import { formatUsd, parseUsd } from './money.ts';

/** A decimal string in the metric's unit. */
export const inMetric = (metric: Metric, amount: bigint): string =>
  metric === 'usd' ? formatUsd(picoUsd(amount)) : amount.toString();

/** Reads what `inMetric` prints; undefined for anything else. */
export function parseInMetric(metric: Metric, text: string): bigint | undefined {
  if (metric === 'usd') return parseUsd(text);
  return /^(0|[1-9][0-9]{0,17})$/.test(text) ? BigInt(text) : undefined;
}

/** Amounts of a metric as text: dollars in canonical form, everything else as a whole number. */
import { picoUsd } from '../brands.ts';
import type { Metric } from './cap.ts';
import { formatUsd, parseUsd, PICO_PER_USD } from '../money.ts';

/** A decimal string in the metric's unit. */
export const inMetric = (metric: Metric, amount: bigint): string =>
  metric === 'usd' ? formatUsd(picoUsd(amount)) : amount.toString();

/** What `inMetric` prints, as people are told it: `$20.00`, `60 requests`, `1 request`, `3 calls in flight`. */
export function withUnit(metric: Metric, amount: string): string {
  const isOne = amount === '1';
  switch (metric) {
    case 'usd':
      return `$${amount}`;
    case 'tokens':
      return isOne ? '1 token' : `${amount} tokens`;
    case 'requests':
      return isOne ? '1 request' : `${amount} requests`;
    case 'concurrent':
      return isOne ? '1 call in flight' : `${amount} calls in flight`;
  }
}

/** Below 10^18 in any unit, so that sums of dollars too stay within the table's 38 digits. */
const USD_MAX = 10n ** 18n * PICO_PER_USD;

/** Reads what `inMetric` prints; undefined for anything else. */
export function parseInMetric(metric: Metric, text: string): bigint | undefined {
  if (metric === 'usd') {
    const amount = parseUsd(text);
    return amount === undefined || amount >= USD_MAX ? undefined : amount;
  }
  return /^(0|[1-9][0-9]{0,17})$/.test(text) ? BigInt(text) : undefined;
}

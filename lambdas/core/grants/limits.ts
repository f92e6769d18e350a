/** How much one grant may be and how long, whoever approves it: a slip of the point is caught, and nobody's case is known. */
import { durationMs, type EpochMs } from '../brands.ts';
import { inMetric } from '../caps/amounts.ts';
import { usd } from '../money.ts';
import { DAY, plus } from '../time.ts';
import type { GrantMetric } from './grant.ts';

const AMOUNT_MAX: Record<GrantMetric, bigint> = {
  usd: usd('10000'),
  tokens: 10_000_000_000n,
  requests: 10_000_000n,
};
const LENGTH_MAX = durationMs(366 * DAY);

export const REASON_LENGTH_MAX = 500;
export const amountMax = (metric: GrantMetric): bigint => AMOUNT_MAX[metric];
export const expiryMax = (now: EpochMs): EpochMs => plus(now, LENGTH_MAX);

/** On a page, where people fill in a field. */
export function amountHint(metric: GrantMetric): string {
  const most = inMetric(metric, amountMax(metric));
  return metric === 'usd'
    ? `write dollars above 0, such as 5.00, and at most ${most}`
    : `write ${metric} above 0 as a whole number, such as 1000, and at most ${most}`;
}

/** In a document that programs send. */
export function amountAdvice(metric: GrantMetric): string {
  const most = inMetric(metric, amountMax(metric));
  return metric === 'usd'
    ? `write dollars above 0 as a decimal string, such as "5.00", and at most "${most}"`
    : `write ${metric} above 0 as a whole number in a string, such as "1000", and at most "${most}"`;
}

/**
 * A cap's month that neither begins nor ends within days of now. The stories compare what a cap has at different minutes, and
 * one that rolls in between is another cap to them.
 */

const MIDDLE = 15;
const WEEK = 7;

/** Members of a cap, as the admin API takes them. */
export function quietMonth(now: number): { window: 'month'; anchor_day: number } {
  const isNearMiddle = Math.abs(new Date(now).getUTCDate() - MIDDLE) <= WEEK;
  return { window: 'month', anchor_day: isNearMiddle ? 1 : MIDDLE };
}

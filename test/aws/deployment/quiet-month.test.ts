/** On every day of four years, the month of the deployment's caps has some days before and after. */
import { expect, it } from 'vitest';
import { epochMs } from '../../../lambdas/core/brands.ts';
import { DAY, periodAt } from '../../../lambdas/core/time.ts';
import { quietMonth } from './quiet-month.ts';

const DAYS_IN_FOUR_YEARS = 1461;
const JUST_BEFORE_MIDNIGHT = Date.UTC(2026, 10, 30, 23, 59, 59);

it('neither begins nor ends within five days', () => {
  for (let day = 0; day < DAYS_IN_FOUR_YEARS; day += 1) {
    const now = JUST_BEFORE_MIDNIGHT + day * DAY;
    const { window: unit, anchor_day: anchorDay } = quietMonth(now);
    const { start, end } = periodAt({ unit, anchorDay, timeZone: 'UTC' }, epochMs(now));
    expect(Math.min(now - start, end - now) / DAY, new Date(now).toISOString()).toBeGreaterThan(5);
  }
});

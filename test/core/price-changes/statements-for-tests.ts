/** Statements that tests write down: who says what since when. */
import { epochMs } from '../../../lambdas/core/brands.ts';
import type { SourcedStatement } from '../../../lambdas/core/price-changes/propose.ts';
import {
  readingSchema,
  type Family,
  type PriceReading,
} from '../../../lambdas/core/price-changes/reading.ts';
import type { Rates } from '../../../lambdas/core/pricing/card.ts';

export function reading(rates: Rates, more: Partial<PriceReading> = {}): PriceReading {
  return readingSchema.parse({
    ...{ provider: 'openai', model: 'm', services: {}, knowsHours: false, notUnderstood: [] },
    list: { rates, tiers: [] },
    ...more,
  });
}

export const says = (
  family: Family,
  rates: Rates,
  { since = 1, ...more }: Partial<PriceReading> & { since?: number } = {},
): SourcedStatement => ({
  family,
  reading: reading(rates, more),
  since: epochMs(since),
  source: `https://feeds.example/${family}`,
});

/** Which rates of a card hold: variants, long-context tiers, fallbacks between kinds, times of the day. */
import type { EpochMs } from '../brands.ts';
import type { Fee, PriceCard, Rates, Tier, TokenKind } from './card.ts';
import { decimal, larger, over, smaller, times, ONE, ZERO, type Ratio } from './ratio.ts';

/** Rates as they stand before a tier is chosen: the card's own, or those of a variant. */
export interface RateSet {
  rates: Rates;
  tiers: readonly Tier[];
}

/**
 * Where a kind has no rate of its own, the provider bills it as the first of these that has. Kinds without an entry
 * (longer writes, images that a model makes) are many times dearer than their neighbours: no rate, no price.
 */
const BILLED_AS: Partial<Record<TokenKind, readonly TokenKind[]>> = {
  cache_read: ['input'],
  cache_read_audio: ['cache_read', 'input'],
  cache_write: ['cache_write_5m', 'input'],
  cache_write_5m: ['cache_write', 'input'],
  input_audio: ['input'],
  input_image: ['input'],
  output_audio: ['output'],
};

/** USD per million tokens; undefined when the kind has no price. */
export function rateOf(rates: Rates, kind: TokenKind): string | undefined {
  const priced = [kind, ...(BILLED_AS[kind] ?? [])].find((k) => rates[k] !== undefined);
  return priced && rates[priced];
}

export function reaches(tier: Tier, inputTokens: bigint): boolean {
  return tier.op === 'gt' ? inputTokens > tier.threshold : inputTokens >= tier.threshold;
}

/** The rates of the highest tier that `inputTokens` reaches, over those below it. */
export function ratesAt(set: RateSet, inputTokens: bigint): Rates {
  let highest: Tier | undefined;
  for (const tier of set.tiers) {
    if (reaches(tier, inputTokens) && (highest === undefined || tier.threshold > highest.threshold))
      highest = tier;
  }
  return highest === undefined ? set.rates : { ...set.rates, ...highest.rates };
}

/** A variant replaces rates that it lists; its tiers take the place of the card's. */
export function variantSet(card: PriceCard, variant: PriceCard['variants'][number]): RateSet {
  return { rates: { ...card.rates, ...variant.rates }, tiers: variant.tiers };
}

/** From when the provider may have started until when it had surely ended. */
export interface CallTime {
  from: EpochMs;
  to: EpochMs;
}

const DAY_MS = 86_400_000;

/**
 * The factor of the dearest period that the call touched: providers do not say whether its start or its end
 * counts. Without a time, the dearest of all.
 */
export function periodFactor(card: PriceCard, time: CallTime | undefined): Ratio {
  const touched = card.periods.filter((period) => time === undefined || touches(period, time));
  const factors = touched.map(({ factor }) => decimal(factor));
  const outside = time === undefined || !isInside(touched, time);
  return factors.reduce(larger, outside ? ONE : ZERO);
}

function touches(period: PriceCard['periods'][number], time: CallTime): boolean {
  for (let day = Math.floor(time.from / DAY_MS); day * DAY_MS <= time.to; day++) {
    // 1970-01-01 was a Thursday.
    const weekday = (((day + 4) % 7) + 7) % 7;
    if (period.weekdays && !period.weekdays.some((d) => d === weekday)) continue;
    const starts = day * DAY_MS + minutesOf(period.from) * 60_000;
    const ends = day * DAY_MS + minutesOf(period.to) * 60_000;
    if (time.from < ends && time.to >= starts) return true;
  }
  return false;
}

/** True when start and end both lie in a period, so that the list price cannot be what was billed. */
function isInside(periods: PriceCard['periods'], { from, to }: CallTime): boolean {
  const at = (moment: EpochMs) => periods.some((period) => touches(period, { from: moment, to: moment }));
  return at(from) && at(to);
}

function minutesOf(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
}

/** Undefined where the card has no such fee; names are the provider's, `constructor` too. */
export const feeOf = ({ fees }: PriceCard, name: string): Fee | undefined =>
  Object.hasOwn(fees, name) ? fees[name] : undefined;

/** Picodollars for so many units of a fee. */
export function feeAmount(fee: Fee, units: Ratio): Ratio {
  let charged = units;
  if (charged.n > 0n && fee.minimum !== undefined) charged = larger(charged, decimal(fee.minimum));
  if (fee.maximum !== undefined) charged = smaller(charged, decimal(fee.maximum));
  return times(times(charged, over(decimal(fee.usd), decimal(fee.per))), PICO);
}

const PICO: Ratio = { n: 1_000_000_000_000n, d: 1n };

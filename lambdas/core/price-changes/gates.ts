/**
 * What every price must keep to, whoever says it, and how far it may go by one witness. The bounds are wider than any
 * real price of the day they were set (2026-11-24: from $0.003 to $600 a million tokens), and narrower than a power of
 * ten from most: the errors seen in the wild are wrong units (8,000 and 100,000 times), and rates of the wrong kind.
 */
import type { PriceCard, Rates, TokenKind } from '../pricing/card.ts';
import { decimal, isLess, over, type Ratio } from '../pricing/ratio.ts';

interface Range {
  low: string;
  high: string;
}

/** USD for a million tokens. */
const MAIN_RATE: Range = { low: '0.001', high: '1000' };
const ANY_RATE: Range = { low: '0.0001', high: '1000' };
/** Of the price of input in the same set. */
const SHARES: Partial<Record<TokenKind, Range>> = {
  cache_read: { low: '0.005', high: '1' },
  cache_write: { low: '1', high: '1.5' },
  cache_write_5m: { low: '1', high: '1.5' },
  cache_write_1h: { low: '1.5', high: '2.5' },
  cache_write_12h: { low: '1.5', high: '2.5' },
  output: { low: '0.2', high: '20' },
};
/** Of the price below it. */
const TIER: Range = { low: '1', high: '6' };
const SERVICES: readonly [RegExp, Range][] = [
  [/=(?:batch|flex)$/, { low: '0.4', high: '0.6' }],
  [/=(?:priority|fast)$/, { low: '1.5', high: '2.5' }],
];

/** Why the card cannot be right; empty where nothing speaks against it. */
export function problemsOf(card: PriceCard): string[] {
  const problems: string[] = [];
  const check = (
    what: string,
    part: string | undefined,
    whole: string | undefined,
    range: Range | undefined,
  ): void => {
    if (part === undefined || whole === undefined || range === undefined) return;
    if (!isWithin(shareOf(part, whole), range))
      problems.push(`${what} is ${part}, with ${range.low} to ${range.high} times ${whole} expected`);
  };
  /** The prices of one set, which may have its input from the set below. */
  const checkSet = (name: string, rates: Rates, input: string | undefined): void => {
    for (const [kind, rate] of Object.entries(rates) as [TokenKind, string][]) {
      const { low, high } = kind === 'input' || kind === 'output' ? MAIN_RATE : ANY_RATE;
      if (!isWithin(decimal(rate), { low, high }))
        problems.push(`${kind}${name} is ${rate} dollars, with ${low} to ${high} expected`);
      check(`${kind}${name}`, rate, input, SHARES[kind]);
    }
  };
  const checkTiers = (name: string, below: Rates, tiers: PriceCard['tiers']): void => {
    for (const tier of tiers) {
      const words = `${name} above ${tier.threshold}`;
      checkSet(words, tier.rates, tier.rates.input ?? below.input);
      for (const [kind, rate] of Object.entries(tier.rates) as [TokenKind, string][])
        check(`${kind}${words}`, rate, below[kind], TIER);
    }
  };
  checkSet('', card.rates, card.rates.input);
  checkTiers('', card.rates, card.tiers);
  for (const { when, rates, tiers } of card.variants) {
    checkSet(`, ${when}`, rates, rates.input ?? card.rates.input);
    checkTiers(`, ${when}`, { ...card.rates, ...rates }, tiers);
    const range = SERVICES.find(([condition]) => condition.test(when))?.[1];
    for (const kind of ['input', 'output'] as const)
      check(`${kind}, ${when}`, rates[kind], card.rates[kind], range);
  }
  if (card.rates.input === undefined) problems.push('it has no price for input');
  const hasOutput = Object.keys(card.rates).some((kind) => kind.startsWith('output'));
  if (!hasOutput && card.limits.maxOutputTokens > 0n) problems.push('it has no price for output');
  return problems;
}

/** One witness is enough for a change by a quarter. */
const SMALL_CHANGE: Range = { low: '0.75', high: '1.25' };
/** No witnesses are enough for ten times or a tenth: that is how a wrong unit looks. */
const WRONG_UNIT: Range = { low: '0.1', high: '10' };

export const isSmall = (change: Ratio): boolean => isWithin(change, SMALL_CHANGE);
/** At the bounds themselves it is one, too. */
export const isWrongUnit = (change: Ratio): boolean =>
  !isLess(decimal(WRONG_UNIT.low), change) || !isLess(change, decimal(WRONG_UNIT.high));

export function shareOf(part: string, whole: string): Ratio {
  return /[1-9]/.test(whole) ? over(decimal(part), decimal(whole)) : { n: 1n, d: 1n };
}

function isWithin(value: Ratio, { low, high }: Range): boolean {
  return !isLess(value, decimal(low)) && !isLess(decimal(high), value);
}

/**
 * A card as a list of single prices, so that what feeds say can be compared price by price, and a card with some of its
 * prices changed. Every price has one of two mains, the list price of input or of output; what nobody speaks of moves
 * with its main and keeps its share.
 */
import { divCeil } from '../money.ts';
import type { PriceCard, Rates, Tier, TokenKind } from '../pricing/card.ts';
import { rateOf } from '../pricing/rate-set.ts';
import { decimal, over, times, toDecimalText, type Ratio } from '../pricing/ratio.ts';
import type { PriceReading, RateSetReading, ServiceName } from './reading.ts';

/** `<set>|<kind>|<threshold>`: the set is `list` or a variant's condition, the threshold empty below every tier. */
export type Field = string & { readonly __field?: never };
export type Fields = ReadonlyMap<Field, string>;

export const LIST = 'list';
export const fieldOf = (set: string, kind: TokenKind, threshold: bigint | '' = ''): Field =>
  `${set}|${kind}|${threshold}`;
export const partsOf = (field: Field): { set: string; kind: TokenKind; threshold: string } => {
  const [set, kind, threshold] = field.split('|') as [string, TokenKind, string];
  return { set, kind, threshold };
};

/** `input`, `output above 272000`, `cache_read, response.service_tier=flex`. */
export function fieldWords(field: Field): string {
  const { set, kind, threshold } = partsOf(field);
  return `${kind}${threshold === '' ? '' : ` above ${threshold}`}${set === LIST ? '' : `, ${set}`}`;
}

/** The list price that this one is a share of; undefined for that itself. */
export function mainOf(field: Field): Field | undefined {
  const { kind } = partsOf(field);
  const main = fieldOf(LIST, kind.startsWith('output') ? 'output' : 'input');
  return main === field ? undefined : main;
}

export function fieldsOf(card: PriceCard): Fields {
  const fields = new Map<Field, string>();
  const add = (set: string, rates: Rates, tiers: readonly Tier[]): void => {
    for (const [kind, rate] of entries(rates)) fields.set(fieldOf(set, kind), rate);
    for (const tier of tiers) {
      for (const [kind, rate] of entries(tier.rates)) fields.set(fieldOf(set, kind, tier.threshold), rate);
    }
  };
  add(LIST, card.rates, card.tiers);
  for (const { when, rates, tiers } of card.variants) add(when, rates, tiers);
  return fields;
}

/**
 * What the reading says in the fields of the card, and what it says beyond them. A price that the card's fallbacks give
 * anyway (audio at the price of text) is nothing beyond.
 */
export function statedFields(card: PriceCard, reading: PriceReading): Fields {
  const stated = new Map<Field, string>();
  const add = (set: string, base: { rates: Rates; tiers: readonly Tier[] }, said: RateSetReading): void => {
    for (const [kind, rate] of entries(said.rates)) {
      // What an embedding model would take for output that it never writes.
      if (kind === 'output' && card.limits.maxOutputTokens === 0n) continue;
      if (base.rates[kind] !== undefined || rateOf(base.rates, kind) !== rate)
        stated.set(fieldOf(set, kind), rate);
    }
    for (const { threshold, rates } of said.tiers) {
      const tier = base.tiers.find((known) => isSameThreshold(known.threshold, threshold));
      for (const [kind, rate] of entries(rates)) {
        const at = fieldOf(set, kind, tier?.threshold ?? threshold);
        if (tier?.rates[kind] !== undefined || rateOf({ ...base.rates, ...tier?.rates }, kind) !== rate)
          stated.set(at, rate);
      }
    }
  };
  add(LIST, card, reading.list);
  for (const variant of card.variants) {
    const service = serviceOf(variant.when);
    const said = service && reading.services[service];
    if (said !== undefined) add(variant.when, variant, said);
  }
  return stated;
}

/** From a million tokens on, or above 999,999: feeds differ in how they write the same threshold. */
const isSameThreshold = (a: bigint, b: bigint): boolean => (a > b ? a - b : b - a) <= 1n;

const SERVICES: Record<string, ServiceName> = {
  'response.service_tier=flex': 'flex',
  'usage.serviceTier=flex': 'flex',
  'response.service_tier=priority': 'priority',
  'response.service_tier=fast': 'priority',
  'usage.serviceTier=priority': 'priority',
};
const serviceOf = (when: string): ServiceName | undefined => SERVICES[when];

/** The card with these prices; all others move with their mains. Identity and dates are the card's. */
export function withFields(card: PriceCard, changes: Fields): PriceCard {
  const old = fieldsOf(card);
  const priceOf = (field: Field): string => changes.get(field) ?? moved(field, old, changes);
  const rates = (set: string, of: Rates, threshold: bigint | '' = ''): Rates => {
    const kinds = new Set([...entries(of).map(([kind]) => kind), ...added(set, threshold)]);
    return Object.fromEntries([...kinds].map((kind) => [kind, priceOf(fieldOf(set, kind, threshold))]));
  };
  const added = (set: string, threshold: bigint | ''): TokenKind[] =>
    [...changes.keys()]
      .map(partsOf)
      .filter((parts) => parts.set === set && parts.threshold === String(threshold))
      .map(({ kind }) => kind);
  const tiers = (set: string, of: readonly Tier[]): Tier[] => {
    const known = of.map((tier) => ({ ...tier, rates: rates(set, tier.rates, tier.threshold) }));
    const thresholds = new Set(
      [...changes.keys()]
        .map(partsOf)
        .filter((parts) => parts.set === set && parts.threshold !== '')
        .map(({ threshold }) => BigInt(threshold)),
    );
    for (const { threshold } of of) thresholds.delete(threshold);
    // At the threshold itself the dearer reading counts, until somebody says otherwise.
    const more = [...thresholds].map((threshold) => ({
      basis: 'total_input_tokens' as const,
      op: 'gte' as const,
      threshold,
      rates: rates(set, {}, threshold),
    }));
    return [...known, ...more];
  };
  return {
    ...card,
    rates: rates(LIST, card.rates),
    tiers: tiers(LIST, card.tiers),
    variants: card.variants.map((variant) => ({
      ...variant,
      rates: rates(variant.when, variant.rates),
      tiers: tiers(variant.when, variant.tiers),
    })),
  };
}

function moved(field: Field, old: Fields, changes: Fields): string {
  const price = old.get(field)!;
  const main = mainOf(field);
  const before = main === undefined ? undefined : old.get(main);
  const after = main === undefined ? undefined : changes.get(main);
  if (before === undefined || after === undefined || before === '0') return price;
  const value = times(decimal(price), over(decimal(after), decimal(before)));
  return toDecimalText(roundedUp(value), CARRIED_DECIMALS);
}

/** Prices that are carried along may have no end as decimals; a part of a billionth of a dollar more does no harm. */
const CARRIED_DECIMALS = 9;
function roundedUp(value: Ratio): Ratio {
  const unit = 10n ** BigInt(CARRIED_DECIMALS);
  return { n: divCeil(value.n * unit, value.d), d: unit };
}

const entries = (rates: Rates): [TokenKind, string][] => Object.entries(rates) as [TokenKind, string][];

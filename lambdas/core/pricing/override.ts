/**
 * What this installation pays instead of the list price: a share of it (a negotiated discount), or a card of its own
 * (a self-hosted model). Revisions are dated and append-only, as cards are: the newest that has begun is in force.
 */
import type { EpochMs } from '../brands.ts';
import { parseRfc3339, toRfc3339 } from '../time.ts';
import type { PriceCard, Rates } from './card.ts';
import { decimal, times, toDecimalText } from './ratio.ts';

export interface PriceOverride {
  provider: PriceCard['provider'];
  /** The card's own name, or EVERY_MODEL. */
  model: string;
  from: EpochMs;
  set:
    | {
        kind: 'factor';
        /** Decimal, more than zero: 0.85 is 15 % off. Of tokens and fees alike. */
        factor: string;
      }
    | { kind: 'card'; card: PriceCard }
    /** List prices again. */
    | { kind: 'ended' };
}

/** A list price or a card of one's own, and the share of it that is paid; undefined: all of it. */
export interface PriceBasis {
  card: PriceCard;
  factor: string | undefined;
}

export const EVERY_MODEL = '*';

/** Digits of a factor and of a rate after the point, together: no product is cut. */
const DIGITS = 24;

/** Id of a card of one's own: unlike that of any list price. */
export const ownCardId = (provider: string, model: string, from: EpochMs): string =>
  `${provider}/${model}@${toRfc3339(from)}~own`;

/** Id of a list price times a factor: it names both, so that the charge can be computed again from them. */
const factorCardId = (base: PriceCard, { provider, model, from }: PriceOverride): string =>
  `${base.id}~${provider}/${model}@${toRfc3339(from)}`;

/** From when on that share is paid; undefined for the id of a list price or of a card of one's own. */
export function shareStart(cardId: string): EpochMs | undefined {
  const from = /~[^~]+@([^~@]+)$/.exec(cardId)?.[1];
  return from === undefined ? undefined : parseRfc3339(from);
}

/** The overrides of all models, by what they are for. */
export class Overrides {
  readonly #byTarget = new Map<string, PriceOverride[]>();
  readonly #ownByName = new Map<string, PriceOverride[]>();
  readonly #ownById = new Map<string, PriceCard>();
  readonly #derived = new Map<string, PriceCard>();

  constructor(overrides: readonly PriceOverride[]) {
    for (const override of overrides.toSorted((a, b) => b.from - a.from)) {
      push(this.#byTarget, targetOf(override), override);
      if (override.set.kind !== 'card') continue;
      const { card } = override.set;
      this.#ownById.set(card.id, card);
      for (const endpoint of card.endpoints) {
        for (const name of [card.model, ...card.aliases])
          push(this.#ownByName, `${endpoint} ${name}`, override);
      }
    }
  }

  get ownCards(): PriceCard[] {
    return [...this.#ownById.values()];
  }

  /** The card of one's own in force for that name. */
  own(endpoint: string, name: string, at: EpochMs): PriceCard | undefined {
    const given = this.#ownByName.get(`${endpoint} ${name}`);
    const inForce = given?.find((override) => this.#inForce(targetOf(override), at) === override);
    return inForce?.set.kind === 'card' ? inForce.set.card : undefined;
  }

  /** The card at what is paid for it: itself where nothing is agreed. That of its model goes before that of all. */
  applied(card: PriceCard, at: EpochMs): PriceCard {
    for (const model of [card.model, EVERY_MODEL]) {
      const override = this.#inForce(`${card.provider}/${model}`, at);
      if (override?.set.kind === 'factor') return this.#timesFactor(card, override, override.set.factor);
    }
    return card;
  }

  /** The card of an id that `own` or `applied` gave out; `listed` finds list prices by their ids. */
  byId(cardId: string, listed: (id: string) => PriceCard | undefined): PriceCard | undefined {
    const basis = this.basisOf(cardId, listed);
    return this.#derived.get(cardId) ?? (basis && paid(basis, cardId));
  }

  /** What that card is made of. */
  basisOf(cardId: string, listed: (id: string) => PriceCard | undefined): PriceBasis | undefined {
    const own = this.#ownById.get(cardId);
    if (own !== undefined) return { card: own, factor: undefined };
    const base = listed(cardId.slice(0, cardId.lastIndexOf('~')));
    if (base === undefined) return undefined;
    for (const model of [base.model, EVERY_MODEL]) {
      for (const override of this.#byTarget.get(`${base.provider}/${model}`) ?? []) {
        if (override.set.kind === 'factor' && factorCardId(base, override) === cardId)
          return { card: base, factor: override.set.factor };
      }
    }
    return undefined;
  }

  #inForce(target: string, at: EpochMs): PriceOverride | undefined {
    return this.#byTarget.get(target)?.find(({ from }) => from <= at);
  }

  #timesFactor(card: PriceCard, override: PriceOverride, factor: string): PriceCard {
    const id = factorCardId(card, override);
    const known = this.#derived.get(id);
    if (known !== undefined) return known;
    const derived = paid({ card, factor }, id);
    this.#derived.set(id, derived);
    return derived;
  }
}

const targetOf = ({ provider, model }: PriceOverride): string => `${provider}/${model}`;

function push(map: Map<string, PriceOverride[]>, key: string, override: PriceOverride): void {
  map.set(key, [...(map.get(key) ?? []), override]);
}

/** The card by which calls are charged, under its own id. */
export const paid = ({ card, factor }: PriceBasis, id: string): PriceCard =>
  factor === undefined ? card : { ...timesFactor(card, factor), id };

/** Every rate and fee of the card, times the factor; conditional multipliers and periods come on top as before. */
function timesFactor(card: PriceCard, factor: string): PriceCard {
  const scaled = (text: string): string => toDecimalText(times(decimal(text), decimal(factor)), DIGITS);
  const rates = (of: Rates): Rates =>
    Object.fromEntries(Object.entries(of).map(([kind, rate]) => [kind, scaled(rate)]));
  const tiers = (of: PriceCard['tiers']) => of.map((tier) => ({ ...tier, rates: rates(tier.rates) }));
  return {
    ...card,
    rates: rates(card.rates),
    tiers: tiers(card.tiers),
    variants: card.variants.map((variant) => ({
      ...variant,
      rates: rates(variant.rates),
      tiers: tiers(variant.tiers),
    })),
    fees: Object.fromEntries(
      Object.entries(card.fees).map(([name, fee]) => [name, { ...fee, usd: scaled(fee.usd) }]),
    ),
  };
}

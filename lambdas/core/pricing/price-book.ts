/**
 * All cards that are in force, by exact name and date. Nothing is found by a prefix. What this installation has agreed
 * with a provider wins over list prices; what is proposed and not decided raises holds, and nothing else.
 */
import { epochMs, type EpochMs } from '../brands.ts';
import { parseRfc3339 } from '../time.ts';
import type { PriceCard } from './card.ts';
import { Overrides, shareStart, type PriceBasis, type PriceOverride } from './override.ts';

export interface PriceBook {
  /** The newest card of that exact id or alias in force at `at`; undefined: the model is not priced there. */
  find: (endpoint: string, model: string, at: EpochMs) => PriceCard | undefined;
  /** What may replace that card. A call is held at the dearest of them all, and charged by the one that `find` finds. */
  proposed: (endpoint: string, model: string, at: EpochMs) => readonly PriceCard[];
  /** The card that a charge cites, in force or not. */
  byId: (cardId: string) => PriceCard | undefined;
  /** What that card is made of. */
  basisOf: (cardId: string) => PriceBasis | undefined;
  /** Every card that prices calls at some time, list prices and one's own. */
  readonly cards: readonly PriceCard[];
  /** Cards that no call is priced by, since their names stand for other models, with the reason. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  card: PriceCard;
  reason: string;
}

export interface BookAdditions {
  /** Cards that came after the reviewed ones. Where they contradict those, they are left out. */
  added?: readonly PriceCard[];
  overrides?: readonly PriceOverride[];
  proposed?: readonly PriceCard[];
}

/**
 * Throws when two reviewed cards claim one name at one endpoint on one date, or when a name would ever stand for two
 * models: which card prices a call must not depend on the order of a list.
 */
export function priceBook(
  reviewed: readonly PriceCard[],
  { added = [], overrides = [], proposed = [] }: BookAdditions = {},
): PriceBook {
  const list = new ListPrices();
  for (const card of reviewed) {
    const problem = list.add(card);
    if (problem !== undefined) throw new RangeError(problem);
  }
  const leftOut: LeftOut[] = [];
  for (const card of added) {
    const reason = list.add(card);
    if (reason !== undefined) leftOut.push({ card, reason });
  }
  const agreed = new Overrides(overrides);
  const listedById = (id: string): PriceCard | undefined =>
    list.byId.get(id) ?? leftOut.find(({ card }) => card.id === id)?.card;

  return {
    cards: [...list.byId.values(), ...agreed.ownCards],
    leftOut,
    byId: (cardId) => listedById(cardId) ?? agreed.byId(cardId, listedById),
    basisOf: (cardId) => {
      const listed = listedById(cardId);
      return listed ? { card: listed, factor: undefined } : agreed.basisOf(cardId, listedById);
    },
    find: (endpoint, model, at) => {
      const own = agreed.own(endpoint, model, at);
      if (own !== undefined) return own;
      const listed = list.find(endpoint, model, at);
      return listed && agreed.applied(listed, at);
    },
    proposed: (endpoint, model, at) => {
      if (agreed.own(endpoint, model, at) !== undefined) return [];
      const listed = list.find(endpoint, model, at);
      return proposed
        .filter((card) => card.provider === listed?.provider && card.model === listed.model)
        .map((card) => agreed.applied(card, at));
    },
  };
}

/** From when on the card holds. */
export function startOf({ id, effectiveFrom }: PriceCard): EpochMs {
  const text = effectiveFrom.includes('T') ? effectiveFrom : `${effectiveFrom}T00:00:00Z`;
  const at = parseRfc3339(text);
  if (at === undefined) throw new RangeError(`${id}: no such day`);
  return epochMs(at);
}

/** From when on calls are priced by it: a share of a list price not before the share is agreed. */
export const pricesFrom = (card: PriceCard): EpochMs =>
  epochMs(Math.max(startOf(card), shareStart(card.id) ?? startOf(card)));

interface Claim {
  card: PriceCard;
  from: EpochMs;
}

class ListPrices {
  readonly byId = new Map<string, PriceCard>();
  readonly #byName = new Map<string, Claim[]>();

  /** Takes the card in, or says why not; then nothing has changed. */
  add(card: PriceCard): string | undefined {
    if (this.byId.has(card.id)) return `two cards ${card.id}`;
    const names = [card.model, ...card.aliases];
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) return `${card.id} names "${twice}" twice`;
    const keys = card.endpoints.flatMap((endpoint) => names.map((name) => `${endpoint} ${name}`));
    for (const key of keys) {
      const other = this.#byName.get(key)?.find((claim) => isContradiction(claim.card, card))?.card;
      if (other?.effectiveFrom === card.effectiveFrom && isSameModel(other, card))
        return `two cards for "${key}" on one date`;
      if (other !== undefined) return `"${key}" stands for ${other.id} and for ${card.id}`;
    }
    this.byId.set(card.id, card);
    const claim = { card, from: startOf(card) };
    for (const key of keys) {
      const claims = [...(this.#byName.get(key) ?? []), claim];
      this.#byName.set(
        key,
        claims.sort((a, b) => b.from - a.from),
      );
    }
    return undefined;
  }

  find(endpoint: string, model: string, at: EpochMs): PriceCard | undefined {
    return this.#byName.get(`${endpoint} ${model}`)?.find(({ from }) => from <= at)?.card;
  }
}

const isSameModel = (a: PriceCard, b: PriceCard): boolean => a.provider === b.provider && a.model === b.model;
const isContradiction = (a: PriceCard, b: PriceCard): boolean =>
  !isSameModel(a, b) || a.effectiveFrom === b.effectiveFrom;

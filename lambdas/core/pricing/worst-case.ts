/**
 * The worst case: what a call can cost at most, held before it is forwarded. Dearest of every rate set, tier,
 * multiplier and period that the call can reach; input at the dearest kind that it may be billed as.
 */
import { picoUsd, type PicoUsd } from '../brands.ts';
import { divCeil, divFloor } from '../money.ts';
import { pricesCondition, type ConditionText, type PriceCard, type Rates, type TokenKind } from './card.ts';
import type { Unpriced } from './calculator.ts';
import { feeAmount, feeOf, periodFactor, rateOf, reaches, variantSet, type RateSet } from './rate-set.ts';
import { decimal, larger, sum, times, whole, ONE, ZERO, type Ratio } from './ratio.ts';
import type { FeeCounts } from './usage.ts';

export interface WorstCaseQuestion {
  /** Upper bound of all input tokens, over all rounds: see input-bound.ts. */
  inputTokensMax: bigint;
  /** Answers billed for one input: `n`, `candidateCount`. */
  choices: bigint;
  /**
   * The longest cache lifetime that the request asks for. Writes that a provider makes by itself (cards with a
   * plain `cache_write` rate: OpenAI from GPT-5.6 on) count in any case, so `none` and `default` are the same.
   */
  cacheWrites: 'none' | 'default' | '5m' | '1h' | '12h';
  /**
   * Conditions beyond the list price that the provider may report: those of the service tiers the request can
   * resolve to, of the region, of the speed.
   */
  reachable: readonly ConditionText[];
  /** What input may contain beside text, and what the model may make. */
  media: readonly ('audio' | 'image')[];
  /** Units of each fee at most. */
  fees?: FeeCounts;
}

export interface CostBound {
  /** Upper bound of the cost when each choice has at most so many output tokens. */
  holdFor: (outputTokensMax: bigint) => PicoUsd;
  /** Largest output bound that the budget pays; -1n when it does not pay the input. */
  outputTokensFor: (budget: PicoUsd) => bigint;
}

export type WorstCase = { kind: 'bounded' } & CostBound;

export function worstCase(card: PriceCard, question: WorstCaseQuestion): WorstCase | Unpriced {
  const { inputTokensMax, choices } = question;
  if (inputTokensMax < 0n || choices < 1n) throw new RangeError('a call has input and at least one choice');

  const unknown = question.reachable.find((text) => !pricesCondition(card, text));
  if (unknown !== undefined) return { kind: 'unpriced', reason: 'condition', what: unknown };
  const canHold = (when: ConditionText) => question.reachable.includes(when);

  const factor = times(dearestFactor(card, canHold), periodFactor(card, undefined));
  const sets: Rates[] = rateSets(card, canHold).flatMap((set) => ratesWithin(set, inputTokensMax));
  const inputRate = dearest(sets, inputKinds(question));
  const outputRate = dearest(sets, outputKinds(question));
  if (inputRate === undefined && inputTokensMax > 0n)
    return { kind: 'unpriced', reason: 'token_kind', what: 'input' };

  let fixed = times(whole(inputTokensMax), perToken(inputRate, factor));
  for (const [name, units] of Object.entries(question.fees ?? {})) {
    const fee = feeOf(card, name);
    if (fee !== undefined) fixed = sum(fixed, feeAmount(fee, units));
    else if (units.n > 0n) return { kind: 'unpriced', reason: 'fee', what: name };
  }
  const perOutputToken = times(whole(choices), perToken(outputRate, factor));

  return {
    kind: 'bounded',
    holdFor(outputTokensMax) {
      if (outputTokensMax < 0n) throw new RangeError('an output bound is not negative');
      if (outputTokensMax > 0n && outputRate === undefined)
        throw new RangeError(`${card.id} has no output rate, so no output bound but 0`);
      const exact = sum(fixed, times(whole(outputTokensMax), perOutputToken));
      return picoUsd(divCeil(exact.n, exact.d));
    },
    outputTokensFor(budget) {
      const left = sum(whole(budget), { n: -fixed.n, d: fixed.d });
      if (left.n < 0n) return -1n;
      // Output that costs nothing is bounded by the model alone.
      if (perOutputToken.n === 0n) return outputRate === undefined ? 0n : card.limits.maxOutputTokens;
      return divFloor(left.n * perOutputToken.d, left.d * perOutputToken.n);
    },
  };
}

/**
 * The dearest of several cards: of the one that the call is charged by, which stands first, and of those that may
 * replace it. One of the latter that cannot price the call does not hinder it.
 */
export function dearestCase(
  [card, ...proposed]: readonly [PriceCard, ...PriceCard[]],
  question: WorstCaseQuestion,
): WorstCase | Unpriced {
  const own = worstCase(card, question);
  if (own.kind === 'unpriced') return own;
  const others = proposed
    .filter(({ rates }) => rates.output !== undefined || card.rates.output === undefined)
    .map((other) => worstCase(other, question))
    .filter((worst) => worst.kind === 'bounded');
  const cases = [own, ...others];
  return {
    kind: 'bounded',
    holdFor: (outputTokensMax) =>
      cases
        .map((worst) => worst.holdFor(outputTokensMax))
        .reduce((dearest, hold) => (hold > dearest ? hold : dearest)),
    outputTokensFor: (budget) =>
      cases
        .map((worst) => worst.outputTokensFor(budget))
        .reduce((fewest, tokens) => (tokens < fewest ? tokens : fewest)),
  };
}

/** Values of one path exclude each other, so only the dearest counts; those of different paths multiply. */
function dearestFactor(card: PriceCard, canHold: (when: ConditionText) => boolean): Ratio {
  const byPath = new Map<string, Ratio>();
  for (const { when, factor } of card.multipliers) {
    if (!canHold(when)) continue;
    const path = when.slice(0, when.indexOf('='));
    byPath.set(path, larger(byPath.get(path) ?? ONE, decimal(factor)));
  }
  return [...byPath.values()].reduce(times, ONE);
}

function rateSets(card: PriceCard, canHold: (when: ConditionText) => boolean): RateSet[] {
  const variants = card.variants.filter(({ when }) => canHold(when));
  return [card, ...variants.map((variant) => variantSet(card, variant))];
}

/** Input may end up shorter than its bound, so each tier below it counts as well as the list rates. */
function ratesWithin(set: RateSet, inputTokensMax: bigint): Rates[] {
  const reached = set.tiers.filter((tier) => reaches(tier, inputTokensMax));
  return [set.rates, ...reached.map((tier) => ({ ...set.rates, ...tier.rates }))];
}

function dearest(sets: readonly Rates[], kinds: readonly TokenKind[]): Ratio | undefined {
  let highest: Ratio | undefined;
  for (const rates of sets) {
    for (const kind of kinds) {
      // Without a rate of its own nobody writes unasked; asked-for writes are the kinds with a lifetime.
      const rate = kind === 'cache_write' ? rates.cache_write : rateOf(rates, kind);
      if (rate !== undefined) highest = larger(highest ?? ZERO, decimal(rate));
    }
  }
  return highest;
}

function inputKinds({ cacheWrites, media }: WorstCaseQuestion): TokenKind[] {
  const kinds: TokenKind[] = ['input', 'cache_read', 'cache_write'];
  switch (cacheWrites) {
    case 'none':
    case 'default':
      break;
    case '5m':
      kinds.push('cache_write_5m');
      break;
    case '1h':
      kinds.push('cache_write_5m', 'cache_write_1h');
      break;
    case '12h':
      kinds.push('cache_write_12h');
      break;
  }
  if (media.includes('audio')) kinds.push('input_audio', 'cache_read_audio');
  if (media.includes('image')) kinds.push('input_image');
  return kinds;
}

function outputKinds({ media }: WorstCaseQuestion): TokenKind[] {
  const kinds: TokenKind[] = ['output'];
  if (media.includes('audio')) kinds.push('output_audio');
  if (media.includes('image')) kinds.push('output_image');
  return kinds;
}

/** Picodollars a token. */
function perToken(rate: Ratio | undefined, factor: Ratio): Ratio {
  return rate === undefined ? ZERO : times(times(rate, factor), whole(1_000_000n));
}

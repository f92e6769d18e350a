/**
 * Which model a call is held for: the one that was asked for, its output lowered to what the money left can pay; where
 * even the floor is too much, the next cheaper one that can stand in; where none fits, the asked one, to be refused. A
 * rung can ask for the cheaper one, and for smaller outputs, before that.
 */
import type { Quote } from '../call.ts';
import { throttledCaps } from '../caps/rung-rates.ts';
import type { Cap } from '../caps/cap.ts';
import { amountFor } from '../ledger/accounts.ts';
import { accountOf, type Books } from '../ledger/books.ts';
import type { Fit } from '../ledger/reserve-call.ts';
import type { Ladder } from '../policy/ladder.ts';
import { fitToBudget, leftOf, type OutputPlan } from './fit.ts';

export interface ChosenBy {
  caps: readonly Cap[];
  fallbackAllowed: boolean;
  ladderOf: (cap: Cap) => Ladder;
}

export function fitOfQuotes(asked: Quote, { caps, fallbackAllowed, ladderOf }: ChosenBy, books: Books): Fit {
  const rungs = throttledCaps(caps, books).map(ladderOf);
  const fitOf = (quote: Quote): Fit => fitToBudget(planAt(rungs, quote.plan), caps, books);
  const others = fallbackAllowed ? asked.cheaper : [];
  const isForced = rungs.some(({ throttle }) => throttle.cheaperModel);
  const first = isForced ? (others[0] ?? asked) : asked;
  const firstFit = fitOf(first);
  if (others.length === 0 || isPaid(firstFit, caps, books)) return named(first, firstFit, asked);
  for (const other of others) {
    const fit = fitOf(other);
    // It is fitted again to books that were read just now, and not given away for less by old ones.
    if (isPaid(fit, caps, books)) return { ...named(other, fit, asked), isLowered: true };
  }
  return named(asked, fitOf(asked), asked);
}

/** The quote that a hold or a refusal is about. */
export const quoteOf = (asked: Quote, cardId: string | undefined): Quote =>
  asked.cheaper.find(({ card }) => card.id === cardId) ?? asked;

const named = (quote: Quote, fit: Fit, asked: Quote): Fit =>
  quote === asked ? fit : { ...fit, info: { cd: quote.card.id, ms: quote.model } };

/** Smaller outputs, where a rung says so and the caller lets it. */
function planAt(rungs: readonly Ladder[], plan: OutputPlan): OutputPlan {
  let { outputTokens } = plan;
  if (outputTokens === null || !plan.clampAllowed) return plan;
  for (const { throttle } of rungs) {
    if (throttle.maxOutputTokens === undefined) continue;
    const most = BigInt(throttle.maxOutputTokens);
    const floored = most < plan.outputTokensFloor ? plan.outputTokensFloor : most;
    if (floored < outputTokens) outputTokens = floored;
  }
  return outputTokens === plan.outputTokens ? plan : { ...plan, outputTokens };
}

/** Once what others merely hold is settled, each cap can pay the smallest hold with which it could run. */
const isPaid = ({ smallest }: Fit, caps: readonly Cap[], books: Books): boolean =>
  caps.every(
    (cap) =>
      (cap.metric !== 'usd' && cap.metric !== 'tokens') ||
      leftOf(accountOf(books, cap)) >= amountFor(cap, smallest),
  );

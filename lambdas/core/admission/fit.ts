/**
 * Fitting a call to the money left: an output limit that the money left cannot pay is lowered to what it can.
 * Money left is the effective limit less what is settled, not less what others merely hold: those calls will
 * give most of it back, and clamping by what is free would strand a quarter of every busy cap (design 3).
 */
import { picoUsd } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import type { Fit } from '../ledger/reserve-call.ts';
import type { CostBound } from '../pricing/worst-case.ts';
import { accountOf, type Books } from '../ledger/books.ts';
import { amountsOf, type Account } from '../ledger/leaf.ts';

export interface OutputPlan {
  worst: CostBound;
  /** With the output that nothing limits. */
  inputTokensMax: bigint;
  choices: bigint;
  /** The request's own limit, or the default that Spendcap injects; null where there is no output to limit. */
  outputTokens: bigint | null;
  /** Never clamped below this. */
  outputTokensFloor: bigint;
  clampAllowed: boolean;
}

export function fitToBudget(plan: OutputPlan, caps: readonly Cap[], books: Books): Fit {
  const { outputTokens } = plan;
  if (outputTokens === null) {
    const amounts = amountsOf(plan.worst.holdFor(0n), plan.inputTokensMax);
    return { amounts, outputTokensMax: null, smallest: amounts, isLowered: false };
  }
  const at = (output: bigint) =>
    amountsOf(plan.worst.holdFor(output), plan.inputTokensMax + output * plan.choices);
  if (!plan.clampAllowed) {
    const amounts = at(outputTokens);
    return { amounts, outputTokensMax: outputTokens, smallest: amounts, isLowered: false };
  }
  const floor = least(outputTokens, plan.outputTokensFloor);
  const affordable = affordableOutput(plan, caps, books);
  const fitted = affordable === undefined ? outputTokens : least(outputTokens, affordable);
  const outputTokensMax = fitted < floor ? floor : fitted;
  const isLowered = outputTokensMax < outputTokens;
  return { amounts: at(outputTokensMax), outputTokensMax, smallest: at(floor), isLowered };
}

/** Output tokens that the money and tokens left pay, over all caps; undefined when no cap counts either. */
export function affordableOutput(plan: OutputPlan, caps: readonly Cap[], books: Books): bigint | undefined {
  let affordable: bigint | undefined;
  for (const cap of caps) {
    const output = outputPaidBy(cap, leftOf(accountOf(books, cap)), plan);
    if (output !== undefined) affordable = affordable === undefined ? output : least(affordable, output);
  }
  return affordable;
}

function outputPaidBy(cap: Cap, left: bigint, plan: OutputPlan): bigint | undefined {
  switch (cap.metric) {
    case 'usd':
      return plan.worst.outputTokensFor(picoUsd(left));
    case 'tokens':
      return (left - plan.inputTokensMax) / plan.choices;
    case 'requests':
    case 'concurrent':
      return undefined;
  }
}

export const leftOf = (account: Account): bigint => account.l - account.s;
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/**
 * The models that may stand in for the one that was asked for: further down its chain in the policy, of the same
 * provider, cheaper for this call, not quarantined, known to be able to do what it needs, with room for all of it.
 */
import type { Quote } from '../call.ts';
import type { AbilitiesOf } from '../pricing/abilities.ts';
import type { Stepped } from '../refusals.ts';

export interface Chains {
  /** Models by descending price. */
  chains: readonly (readonly string[])[];
  abilitiesOf: AbilitiesOf;
  quoteFor: (model: string) => Promise<Stepped<Quote>>;
}

const NONE: readonly Quote[] = [];

export async function cheaperQuotes(
  asked: Quote,
  { chains, abilitiesOf, quoteFor }: Chains,
): Promise<readonly Quote[]> {
  const { needs } = asked.shape;
  const names = new Set([asked.shape.model, asked.card.model]);
  const chain = chains.find((models) => models.some((model) => names.has(model)));
  if (!chain || !needs) return NONE;
  const quotes: Quote[] = [];
  for (const model of chain.slice(chain.findLastIndex((name) => names.has(name)) + 1)) {
    const quote = await quoteFor(model);
    if (!quote.ok) continue;
    const { card } = quote.value;
    const abilities =
      card.provider === asked.card.provider ? abilitiesOf(card.provider, card.model) : undefined;
    if (!abilities || !needs.every((need) => abilities.includes(need))) continue;
    if (hasRoom(quote.value) && isCheaper(quote.value, quotes.at(-1) ?? asked)) quotes.push(quote.value);
  }
  return quotes;
}

/** For the whole prompt, bounded by bytes, beside its answer; and for the limit that must not be lowered. */
function hasRoom({ plan, shape, card: { limits } }: Quote): boolean {
  const { contextTokens, maxOutputTokens } = limits;
  const answer = plan.outputTokens ?? maxOutputTokens;
  const asked = shape.outputTokensAsked ?? 0n;
  return plan.inputTokensMax + answer <= contextTokens && (plan.clampAllowed || asked <= maxOutputTokens);
}

function isCheaper(a: Quote, b: Quote): boolean {
  const [outputA, outputB] = [a.plan.outputTokens ?? 0n, b.plan.outputTokens ?? 0n];
  const output = outputA < outputB ? outputA : outputB;
  return a.plan.worst.holdFor(output) < b.plan.worst.holdFor(output);
}

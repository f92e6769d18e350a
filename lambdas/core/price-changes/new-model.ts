/**
 * A model without a card. No price stands to compare with, so two families must agree to the cent, or a person. The
 * card has what they say and nothing else: service tiers, tools and images of the model stay refused, because what they
 * cost was not said.
 */
import {
  priceCardSchema,
  type Endpoint,
  type PriceCard,
  type Provider,
  type Rates,
} from '../pricing/card.ts';
import { decimal, larger, toDecimalText } from '../pricing/ratio.ts';
import { problemsOf } from './gates.ts';
import type { Proposal, Statement } from './decide.ts';
import type { PriceReading } from './reading.ts';

/** Nobody says enough to price a call by. */
export interface NoCard {
  verdict: { kind: 'no_card'; reason: string };
}

export function decideNew(
  names: { provider: Provider; model: string },
  statements: readonly Statement[],
  dates: { sources: readonly string[]; effectiveFrom: string },
): Proposal | NoCard {
  const isEmbedding = statements.some(({ reading }) => reading.use === 'embeddings');
  const complete = statements.filter(({ reading }) => isComplete(reading, isEmbedding));
  if (BILLS_MORE_THAN_TOKENS.test(names.model)) return noCard('a call of it costs more than its tokens');
  // Somebody knows of a price that no card has: the others do not say all that a call costs.
  if (statements.some(({ reading }) => reading.notUnderstood.length > 0))
    return noCard('it has a price that no card could hold');
  if (complete.length === 0) return noCard('no price of input and output that holds at all hours');
  const group = largestGroup(complete);
  if (group.every(({ family }) => family === 'openrouter')) return noCard('a reseller alone has it');
  const card = cardOf(
    names,
    group.map(({ reading }) => reading),
    dates,
  );
  if (card === undefined) return noCard('nobody says what it is for, or how many tokens it takes');
  const families = [...new Set(group.map(({ family }) => family))];
  const problem = problemsOf(card)[0];
  if (problem !== undefined) return { card, families, verdict: { kind: 'refused', reason: problem } };
  return families.length >= 2
    ? { card, families, verdict: { kind: 'accept', by: 'two_families' } }
    : {
        card,
        families,
        verdict: { kind: 'pending', reason: 'a new model, which needs two families or a person' },
      };
}

const noCard = (reason: string): NoCard => ({ verdict: { kind: 'no_card', reason } });

/** Searches, sounds and pictures have prices of their own that a list of token prices does not show. */
const BILLS_MORE_THAN_TOKENS =
  /search|research|audio|realtime|live|image|video|tts|transcri|speech|computer-use|moderation|guard|ocr|robot|^ft:/;

const isComplete = ({ list: { rates }, knowsHours }: PriceReading, isEmbedding: boolean): boolean =>
  !knowsHours && rates.input !== undefined && (isEmbedding || rates.output !== undefined);

/** Those who agree on the list prices; where there are several such groups of one size, the first. */
function largestGroup(statements: readonly Statement[]): Statement[] {
  const groups = new Map<string, Statement[]>();
  for (const statement of statements) {
    const { input, output } = statement.reading.list.rates;
    const prices = `${input ?? '-'} ${output ?? '-'}`;
    groups.set(prices, [...(groups.get(prices) ?? []), statement]);
  }
  return [...groups.values()].reduce((best, next) => (next.length > best.length ? next : best));
}

function cardOf(
  { provider, model }: { provider: Provider; model: string },
  readings: readonly PriceReading[],
  dates: { sources: readonly string[]; effectiveFrom: string },
): PriceCard | undefined {
  const use = readings.map((reading) => reading.use).find((said) => said !== undefined);
  const endpoints = use && ENDPOINTS_OF[provider]?.[use];
  const contextTokens = largest(readings.map((reading) => reading.contextTokens));
  const maxOutputTokens =
    use === 'embeddings' ? 0n : largest(readings.map((reading) => reading.maxOutputTokens));
  if (endpoints === undefined || contextTokens === undefined || maxOutputTokens === undefined)
    return undefined;
  const thresholds = new Set(readings.flatMap(({ list }) => list.tiers.map(({ threshold }) => threshold)));
  const card = priceCardSchema.safeParse({
    id: `${provider}/${model}@${dates.effectiveFrom}`,
    provider,
    model,
    endpoints,
    rates: dearest(readings.map(({ list }) => list.rates)),
    tiers: [...thresholds].map((threshold) => ({
      basis: 'total_input_tokens',
      op: 'gte',
      threshold,
      rates: dearest(
        readings
          .flatMap(({ list }) => list.tiers.filter((tier) => tier.threshold === threshold))
          .map(({ rates }) => rates),
      ),
    })),
    limits: { contextTokens, maxOutputTokens },
    bounds: { hiddenInputTokens: HIDDEN_INPUT_TOKENS[provider] ?? 0n },
    effectiveFrom: dates.effectiveFrom,
    checkedOn: dates.effectiveFrom.slice(0, 10),
    sources: dates.sources,
  });
  return card.success ? card.data : undefined;
}

type Uses = Partial<Record<NonNullable<PriceReading['use']>, readonly Endpoint[]>>;
const CHAT_ALONE: Uses = { chat: ['openai-chat'] };
const ENDPOINTS_OF: Partial<Record<Provider, Uses>> = {
  openai: {
    chat: ['openai-chat', 'openai-responses'],
    responses: ['openai-responses'],
    embeddings: ['openai-embeddings'],
  },
  anthropic: { chat: ['anthropic-messages'] },
  google: { chat: ['gemini-generate'], embeddings: ['gemini-embed'] },
  bedrock: { chat: ['bedrock-converse', 'bedrock-invoke'] },
  mistral: CHAT_ALONE,
  deepseek: CHAT_ALONE,
  xai: CHAT_ALONE,
  groq: CHAT_ALONE,
};
/** Of the system prompt that Anthropic adds for tools (prices.md 4.2). */
const HIDDEN_INPUT_TOKENS: Partial<Record<Provider, bigint>> = { anthropic: 1_024n, bedrock: 1_024n };

const largest = (counts: readonly (bigint | undefined)[]): bigint | undefined =>
  counts
    .filter((count) => count !== undefined)
    .reduce<bigint | undefined>(
      (most, count) => (most === undefined || count > most ? count : most),
      undefined,
    );

/** Of each kind that anybody names. */
function dearest(all: readonly Rates[]): Rates {
  const rates: Record<string, string> = {};
  for (const [kind, rate] of all.flatMap((of) => Object.entries(of))) {
    const known = rates[kind];
    rates[kind] = known === undefined ? rate : toDecimalText(larger(decimal(known), decimal(rate)), 12);
  }
  return rates;
}

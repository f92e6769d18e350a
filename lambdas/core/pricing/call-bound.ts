/**
 * What one call can use and cost at most: its own inference, in as many rounds as it may take, what is billed apart
 * from tokens, and the inferences that the provider adds. A true bound, or a refusal that says what has none.
 */
import { picoUsd } from '../brands.ts';
import type { CallShape, SideInference } from '../endpoint.ts';
import type { ReadCall } from '../read-call.ts';
import { passed, refused, type Refusal, type Stepped } from '../refusals.ts';
import { pricesCondition, type ConditionText, type PriceCard } from './card.ts';
import { inputTokensMax } from './input-bound.ts';
import { whole } from './ratio.ts';
import type { FeeCounts } from './usage.ts';
import { dearestCase, type CostBound } from './worst-case.ts';

export interface CallBound {
  worst: CostBound;
  /** With all output that no member of the request limits. */
  inputTokensMax: bigint;
  /** Outputs of so many lengths are billed. */
  choices: bigint;
}

/** The card that prices a model, and those that may replace it. */
export type Cards = readonly [PriceCard, ...PriceCard[]];

interface Question {
  read: ReadCall;
  bodyBytes: bigint;
  /** Of the call's own model. */
  cards: Cards;
  openTier: readonly ConditionText[];
  /** Of any model at the call's endpoint; undefined where it has no price. */
  cardsOf: (model: string) => Cards | undefined;
}

export function boundOf(question: Question): Stepped<CallBound> {
  const { cards } = question;
  const [card] = cards;
  const { shape } = question.read;
  const ownInput = ownInputTokens(question);
  if (!ownInput.ok) return ownInput;
  const sides = shape.sideInferences.filter((side) => mayHappen(side, shape, ownInput.value));
  // A round beyond the first reads what tools found, and one after a summary reads that.
  const isRefilled = shape.rounds > 1n || sides.some(({ fromInputTokens }) => fromInputTokens !== undefined);
  const input = isRefilled ? card.limits.contextTokens * shape.rounds : ownInput.value;
  const fees = feesAtMost(shape, card);
  if (!fees.ok) return fees;
  const choices = shape.choices * shape.rounds;
  const own = dearestCase(cards, {
    inputTokensMax: input,
    choices,
    cacheWrites: shape.cacheWrites,
    reachable: reachable(question, card),
    media: shape.media,
    fees: fees.value,
  });
  if (own.kind === 'unpriced') return refused(noPriceFor(card, own.what));

  const fixed = fixedOutputTokens(shape, card);
  let [addedPicoUsd, addedTokens] = [0n, 0n];
  for (const side of sides) {
    const added = sideBound(side, question);
    if (!added.ok) return added;
    addedPicoUsd += added.value.picoUsd;
    addedTokens += added.value.tokens;
  }
  return passed({
    worst: {
      holdFor: (more) => picoUsd(own.holdFor(fixed + more) + addedPicoUsd),
      outputTokensFor: (budget) => own.outputTokensFor(picoUsd(budget - addedPicoUsd)),
    },
    inputTokensMax: input + fixed * choices + addedTokens,
    choices,
  });
}

/** Of one round. */
function ownInputTokens({ read: { shape, texts }, bodyBytes, cards: [card] }: Question): Stepped<bigint> {
  const context = card.limits.contextTokens;
  if (shape.readsStoredState || shape.audio) return passed(context);
  const imageTokens = card.bounds.imageTokensMax;
  if (shape.images.count > 0n && imageTokens === undefined) {
    return refused({
      code: 'not_meterable',
      message: `Images to "${card.model}" cannot be bounded here; send text, or use a model whose image cost is documented.`,
    });
  }
  const images = shape.images.count * (imageTokens ?? 0n);
  const bound = inputTokensMax({
    bodyBytes: bodyBytes - shape.images.inlineBytes,
    json: texts,
    constants: [images, shape.hiddenInputTokens, card.bounds.hiddenInputTokens],
    bytesPerTokenFloor: card.bounds.bytesPerTokenFloor,
  });
  return passed(smaller(bound, context * shape.inputs));
}

/** Where the provider decides by the size of the context, that counts which is there when the answer ends. */
const mayHappen = ({ fromInputTokens }: SideInference, shape: CallShape, input: bigint): boolean =>
  fromInputTokens === undefined ||
  shape.rounds > 1n ||
  shape.outputTokensAsked === undefined ||
  input + shape.outputTokensAsked >= fromInputTokens;

/** With the seconds of a file, where the model bills by them. */
function feesAtMost({ fees, audio }: CallShape, card: PriceCard): Stepped<FeeCounts> {
  if (audio === undefined || card.fees[AUDIO_SECOND] === undefined) return passed(fees);
  if (audio.secondsMax !== undefined) {
    return passed({ ...fees, [AUDIO_SECOND]: whole(audio.secondsMax) });
  }
  return refused({
    code: 'not_meterable',
    message: `"${card.model}" is billed by the second, and this file does not prove how long it plays; send WAV or MP3, or use a model that is billed by tokens.`,
  });
}

const AUDIO_SECOND = 'audio_second';

function fixedOutputTokens(shape: CallShape, card: PriceCard): bigint {
  if (shape.output !== 'fixed') return 0n;
  const most = card.limits.maxOutputTokens;
  return smaller(shape.outputTokensAsked ?? most, most);
}

/** All that an added inference can use: its model's whole context, and what it may write. */
function sideBound(side: SideInference, question: Question): Stepped<{ picoUsd: bigint; tokens: bigint }> {
  const { shape } = question.read;
  const model = side.model ?? shape.model;
  const cards = question.cardsOf(model);
  if (!cards) {
    return refused({
      code: 'model_not_priced',
      message: `The model "${model}", which may take part in this call, has no price here, so the call cannot be capped; GET /v1/models lists those that have one.`,
    });
  }
  const [card] = cards;
  const inputTokensMax = card.limits.contextTokens * side.times;
  const worst = dearestCase(cards, {
    inputTokensMax,
    choices: side.times,
    cacheWrites: side.cacheWrites,
    reachable: reachable(question, card),
    media: shape.media,
  });
  if (worst.kind === 'unpriced') return refused(noPriceFor(card, worst.what));
  const output = smaller(side.outputTokensMax ?? card.limits.maxOutputTokens, card.limits.maxOutputTokens);
  return passed({ picoUsd: worst.holdFor(output), tokens: inputTokensMax + output * side.times });
}

function reachable({ read: { shape }, openTier }: Question, card: PriceCard): ConditionText[] {
  const { conditionsAsked, conditionsPossible, tierIsOpen } = shape;
  const unasked = tierIsOpen ? [...conditionsPossible, ...openTier] : conditionsPossible;
  return [...conditionsAsked, ...unasked.filter((condition) => pricesCondition(card, condition))];
}

const noPriceFor = (card: PriceCard, what: string): Refusal => ({
  code: 'not_meterable',
  message: `"${card.model}" has no price here for ${what}; leave it out of the request.`,
});

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Step 3: the dearest that the call can become. An unknown price or an unmeterable feature refuses it here. */
import type { Quote } from '../call.ts';
import type { CallShape, Endpoint } from '../endpoint.ts';
import type { Gateway } from '../gateway.ts';
import { pricesCondition, type PriceCard } from '../pricing/card.ts';
import { inputTokensMax } from '../pricing/input-bound.ts';
import { whole } from '../pricing/ratio.ts';
import type { FeeCounts } from '../pricing/usage.ts';
import { dearestCase } from '../pricing/worst-case.ts';
import { readCall, type ReadCall } from '../read-call.ts';
import { passed, refused, type Stepped } from '../refusals.ts';
import type { Caller } from './identify.ts';
import type { Intercepted } from './intercept.ts';

export async function price(
  gateway: Gateway,
  endpoint: Endpoint,
  caller: Caller,
  body: Intercepted,
  headers: Headers,
): Promise<Stepped<Quote>> {
  const read = await readCall(endpoint, body, headers);
  if (!read.ok) return read;
  const { shape, outgoing } = read.value;

  const book = await gateway.prices.current();
  const now = gateway.clock.now();
  const card = book.find(endpoint.name, shape.model, now);
  if (!card) {
    return refused({
      code: 'model_not_priced',
      message: `The model "${shape.model}" has no price here, so its calls cannot be capped; GET /v1/models lists those that have one.`,
    });
  }
  if (await gateway.directory.quarantineOf(card.model)) {
    return refused({
      code: 'model_quarantined',
      message: `The model "${shape.model}" is quarantined: a call cost more than its documented bound. Use another model, or ask an operator to lift it.`,
    });
  }

  const input = inputBound(read.value, body.bytes.byteLength, card);
  if (!input.ok) return input;
  const fees = feesAtMost(shape, card);
  if (!fees.ok) return fees;
  const possible = shape.conditionsPossible.filter((condition) => pricesCondition(card, condition));
  const worst = dearestCase([card, ...book.proposed(endpoint.name, shape.model, now)], {
    inputTokensMax: input.value,
    choices: shape.choices,
    cacheWrites: shape.cacheWrites,
    reachable: [...shape.conditionsAsked, ...possible],
    media: shape.media,
    fees: fees.value,
  });
  if (worst.kind === 'unpriced') {
    return refused({
      code: 'not_meterable',
      message: `"${card.model}" has no price here for ${worst.what}; leave it out of the request.`,
    });
  }
  const { policy } = gateway;
  const fixed = fixedOutputTokens(shape, card);
  return passed({
    outgoing,
    bodyHash: read.value.hash,
    shape,
    card,
    prices: { book, at: now },
    plan: {
      worst: fixed === 0n ? worst : { ...worst, holdFor: (more) => worst.holdFor(fixed + more) },
      inputTokensMax: input.value + fixed * shape.choices,
      choices: shape.choices,
      outputTokens: limitedOutputTokens(shape, card, BigInt(policy.maxOutputTokensDefault)),
      outputTokensFloor: larger(shape.outputTokensFloor, BigInt(policy.minOutputTokens)),
      clampAllowed: caller.clampAllowed,
    },
  });
}

/** The request's own limit, or the default that will be injected; never more than the model can write. */
function limitedOutputTokens(shape: CallShape, card: PriceCard, injected: bigint): bigint | null {
  if (shape.output !== 'limited') return null;
  return smaller(shape.outputTokensAsked ?? injected, card.limits.maxOutputTokens);
}

function fixedOutputTokens(shape: CallShape, card: PriceCard): bigint {
  if (shape.output !== 'fixed') return 0n;
  const most = card.limits.maxOutputTokens;
  return smaller(shape.outputTokensAsked ?? most, most);
}

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

function inputBound({ shape, texts }: ReadCall, bodyBytes: number, card: PriceCard): Stepped<bigint> {
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
    bodyBytes: BigInt(bodyBytes) - shape.images.inlineBytes,
    json: texts,
    constants: [images, shape.hiddenInputTokens, card.bounds.hiddenInputTokens],
    bytesPerTokenFloor: card.bounds.bytesPerTokenFloor,
  });
  return passed(smaller(bound, context));
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

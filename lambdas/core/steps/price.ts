/** Step 3: the dearest that the call can become. An unknown price or an unmeterable feature refuses it here. */
import type { Quote } from '../call.ts';
import type { CallShape, Endpoint } from '../endpoint.ts';
import type { Gateway } from '../gateway.ts';
import { boundOf, type Cards } from '../pricing/call-bound.ts';
import type { PriceCard } from '../pricing/card.ts';
import { readCall, type ReadCall } from '../read-call.ts';
import { passed, refused, type Stepped } from '../refusals.ts';
import { cheaperQuotes } from './cheaper-quotes.ts';
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
  const book = await gateway.prices.current();
  const now = gateway.clock.now();
  const quoteFor = (model: string): Promise<Stepped<Quote>> =>
    quoteOf(gateway, endpoint, { read: read.value, model, prices: { book, at: now }, body, caller });
  const asked = await quoteFor(read.value.shape.model);
  if (!asked.ok) return asked;
  const { policy, abilitiesOf } = gateway;
  const chains = { chains: policy.modelTiers, abilitiesOf, quoteFor };
  return passed({ ...asked.value, cheaper: await cheaperQuotes(asked.value, chains) });
}

async function quoteOf(
  gateway: Gateway,
  endpoint: Endpoint,
  {
    read,
    model: sent,
    prices,
    body,
    caller,
  }: { read: ReadCall; model: string; prices: Quote['prices']; body: Intercepted; caller: Caller },
): Promise<Stepped<Quote>> {
  const { book, at: now } = prices;
  const shape = { ...read.shape, model: sent };
  const cardsOf = (model: string): Cards | undefined => {
    const found = book.find(endpoint.name, model, now);
    return found && [found, ...book.proposed(endpoint.name, model, now)];
  };
  const cards = cardsOf(sent);
  if (!cards) {
    // The list of models is that of the other dialects.
    const advice =
      endpoint.dialect === 'bedrock'
        ? 'names must be exact, and an operator can set a price'
        : 'GET /v1/models lists those that have one';
    return refused({
      code: 'model_not_priced',
      message: `The model "${sent}" has no price here, so its calls cannot be capped; ${advice}.`,
    });
  }
  for (const model of [sent, ...shape.sideInferences.map((side) => side.model ?? sent)]) {
    const named = book.find(endpoint.name, model, now)?.model ?? model;
    if (!(await gateway.directory.quarantineOf(named))) continue;
    return refused({
      code: 'model_quarantined',
      message: `The model "${model}" is quarantined: a call cost more than its documented bound. Use another model, or ask an operator to lift it.`,
    });
  }

  const bound = boundOf({
    read: { ...read, shape },
    bodyBytes: BigInt(body.bytes.byteLength),
    cards,
    openTier: gateway.openTier,
    cardsOf,
  });
  if (!bound.ok) return bound;
  const { policy } = gateway;
  const [card] = cards;
  return passed({
    outgoing: read.outgoing,
    bodyHash: read.hash,
    shape: read.shape,
    model: sent,
    card,
    prices,
    plan: {
      ...bound.value,
      outputTokens: limitedOutputTokens(shape, card, BigInt(policy.maxOutputTokensDefault)),
      outputTokensFloor: larger(shape.outputTokensFloor, BigInt(policy.minOutputTokens)),
      clampAllowed: caller.clampAllowed,
    },
    cheaper: [],
  });
}

/** The request's own limit, or the default that will be injected; never more than the model can write. */
function limitedOutputTokens(shape: CallShape, card: PriceCard, injected: bigint): bigint | null {
  if (shape.output !== 'limited') return null;
  const most = card.limits.maxOutputTokens;
  const asked = shape.outputTokensAsked ?? injected;
  return asked < most ? asked : most;
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

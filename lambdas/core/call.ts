/** One admitted call on its way: what the later steps know of it. */
import type { Cap } from './caps/cap.ts';
import type { CallShape, Endpoint } from './endpoint.ts';
import type { OutputPlan } from './admission/fit.ts';
import type { Gateway } from './gateway.ts';
import type { Fit } from './ledger/reserve-call.ts';
import type { Books } from './ledger/books.ts';
import type { Charge } from './ledger/charge.ts';
import type { HeldCall } from './ledger/leaf.ts';
import type { EpochMs } from './brands.ts';
import type { PriceCard } from './pricing/card.ts';
import type { PriceBook } from './pricing/price-book.ts';
import type { OutgoingBody } from './read-call.ts';
import type { StoredAnswer } from './replay/stored-answers.ts';
import type { CallIds } from './request-ids.ts';
import type { Caller } from './steps/identify.ts';

/** Step 3: what the call can cost at most, and on which card. */
export interface Quote {
  outgoing: OutgoingBody;
  bodyHash(): Promise<string>;
  /** As it was asked for. */
  shape: CallShape;
  /** The one that the call is sent to. */
  model: string;
  /** The card by which the call is charged, whatever changes while it runs. */
  card: PriceCard;
  /** Prices as they were then, for the other models that may take part. */
  prices: { book: PriceBook; at: EpochMs };
  plan: OutputPlan;
  /** What may stand in for it, dearest first. */
  cheaper: readonly Quote[];
}

/** Step 4: the hold, and the output limit that it pays for. */
export interface Reserved {
  held: HeldCall;
  /** For the model that the call is held for. */
  quote: Quote;
  books: Books;
  caps: readonly Cap[];
  fit: Fit;
  /** Set where Spendcap injected or clamped the request's output limit. */
  outputTokensSet: bigint | undefined;
}

/** Step 4, for a repeat of a call that was charged before: what its client got then. */
export interface Replay {
  charge: Charge;
  answer: StoredAnswer;
}

export interface Call {
  gateway: Gateway;
  endpoint: Endpoint;
  caller: Caller;
  quote: Quote;
  reserved: Reserved;
  ids: CallIds;
  request: Request;
}

/** What the client gets, and the end of the call's books: every host awaits `completion`. */
export interface Answer {
  response: Response;
  completion: Promise<void>;
}

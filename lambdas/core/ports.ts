/**
 * The ports: what the core needs from the world. Each has at least two real implementations, and the core
 * imports none of them (nor AWS, Node, a clock or randomness).
 */
import type { DurationMs, EpochMs } from './brands.ts';
import type { BusEvent } from './events/catalogue.ts';

// ---- Table: one DynamoDB table, in DynamoDB's own expression strings ---------------------------------------

/** What an item may hold. Numbers are whole and travel as text of up to 38 digits, hence bigint, never number. */
export type ItemValue = string | bigint | boolean | null | ItemValue[] | { [name: string]: ItemValue };
export type Item = { [name: string]: ItemValue };
/** `sk` is '-' for items that stand alone. */
export type ItemKey = { pk: string; sk: string };

export interface Condition {
  /** DynamoDB ConditionExpression. */
  condition?: string;
  /** ExpressionAttributeNames: '#x' to attribute name. */
  names?: Record<string, string>;
  /** ExpressionAttributeValues: ':x' to value. */
  values?: Record<string, ItemValue>;
}
/** UpdateItem: `update` is a DynamoDB UpdateExpression. */
export interface UpdateWrite extends Condition {
  key: ItemKey;
  update: string;
}
/** PutItem: replaces the whole item, which carries its own `pk` and `sk`. */
export interface PutWrite extends Condition {
  item: Item & ItemKey;
}
export interface DeleteWrite extends Condition {
  key: ItemKey;
}
export type TransactWrite = ({ op: 'update' } & UpdateWrite) | ({ op: 'put' } & PutWrite);

/**
 * How a write ended. `unanswered` counts attempts, over all of the adapter's own retries, whose answer never
 * came: each of them may have been applied, or may still be. Throttled attempts are answered ones.
 */
export type WriteOutcome =
  /** Applied; `item` is the new item (ALL_NEW), for a put what was put, for a delete what was deleted or just its key. */
  | { kind: 'applied'; item: Item; unanswered: number }
  /** The condition did not hold; `item` is the item as it stood (ALL_OLD), undefined if there was none. */
  | { kind: 'refused'; item: Item | undefined; unanswered: number }
  /** Gave up. When `unanswered` is 0 it was surely not applied; otherwise nobody knows. */
  | { kind: 'unavailable'; unanswered: number; reason: string };

export type TransactOutcome =
  | { kind: 'applied'; unanswered: number }
  /** One condition did not hold: nothing was written. `items[i]` is the old item of write i where its condition failed. */
  | { kind: 'refused'; items: (Item | undefined)[]; unanswered: number }
  /** Others wrote the same items at the same time, again and again: nothing was written. */
  | { kind: 'contended'; reason: string }
  | { kind: 'unavailable'; unanswered: number; reason: string };

export interface TableQuery {
  /** Name of a secondary index; without one, the table itself. */
  index?: 'byTime';
  partition: string;
  /** Inclusive bounds of the sort key. */
  from?: string;
  to?: string;
  prefix?: string;
  limit?: number;
  /** Where to go on: the `cursor` of the page before. */
  cursor?: string;
  descending?: boolean;
}
export interface Page {
  items: Item[];
  cursor: string | undefined;
}

export interface Table {
  update(write: UpdateWrite): Promise<WriteOutcome>;
  put(write: PutWrite): Promise<WriteOutcome>;
  delete(write: DeleteWrite): Promise<WriteOutcome>;
  /** All or nothing; `token` makes a repeat of the same plan harmless for ten minutes. */
  transact(writes: TransactWrite[], token: string): Promise<TransactOutcome>;
  /** Strongly consistent. Throws TableUnavailable. */
  get(key: ItemKey): Promise<Item | undefined>;
  /** Strongly consistent on the table, eventually on an index. Throws TableUnavailable. */
  query(query: TableQuery): Promise<Page>;
  /** Every item of the table, a page at a time, in no promised order. For audits. Throws TableUnavailable. */
  scan(page: { limit?: number; cursor?: string }): Promise<Page>;
}

/** The table could not be read or written after the adapter's own retries. Callers fail closed. */
export class TableUnavailable extends Error {
  override name = 'TableUnavailable';
}

/** False when nothing was written: a condition did not hold, or others were in the way. Throws TableUnavailable. */
export function isApplied(outcome: WriteOutcome | TransactOutcome): boolean {
  if (outcome.kind === 'unavailable') throw new TableUnavailable(outcome.reason);
  return outcome.kind === 'applied';
}

// ---- Clock and ids -----------------------------------------------------------------------------------------

export interface Clock {
  now(): EpochMs;
  sleep(duration: DurationMs): Promise<void>;
  timer(duration: DurationMs): Timer;
}

/** A sleep that can be cut short. */
export interface Timer {
  /** Resolves after the duration, or when stopped; never rejects. */
  ended: Promise<void>;
  stop(): void;
}

export interface Ids {
  /** Uniform in [0, 2^bits), unguessable. */
  randomBits(bits: number): bigint;
}

// ---- Upstream: a provider over HTTP ------------------------------------------------------------------------

export interface UpstreamRequest {
  method: string;
  /** Path and query below the provider's base URL, beginning with '/'. */
  path: string;
  headers: [string, string][];
  body: string | Uint8Array<ArrayBuffer> | undefined;
  signal: AbortSignal;
}
/** How far a request got when no response came. */
export type UpstreamFailure =
  /** No connection was made: the provider cannot have seen the call. */
  | 'not_sent'
  /** It was sent, and nothing or not everything came back: the provider may have billed it. */
  | 'no_answer';
export type UpstreamOutcome =
  { kind: 'answered'; response: Response } | { kind: UpstreamFailure; reason: string };

export interface Upstream {
  /** Sends once; never retries, never follows a redirect. */
  send(provider: UpstreamName, request: UpstreamRequest): Promise<UpstreamOutcome>;
}
/** One a base URL and credential. */
export type UpstreamName = 'openai' | 'azure' | 'anthropic' | 'gemini' | 'bedrock';

// ---- Sealer: what nobody shall read where it is stored ------------------------------------------------------

export interface Sealer {
  /** Opens again with the same key and for the same context only. Throws where the key cannot be had. */
  seal(plain: Uint8Array<ArrayBuffer>, context: string): Promise<string>;
  /**
   * Undefined for what was sealed with another key, for another context, or was changed since. Throws where the key
   * cannot be had.
   */
  open(sealed: string, context: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

// ---- Event bus ---------------------------------------------------------------------------------------------

export interface EventBus {
  /** Resolves to the indexes of the events that were not taken, for the caller to try again. Never rejects. */
  publish(events: readonly BusEvent[]): Promise<number[]>;
}

// ---- Mail --------------------------------------------------------------------------------------------------

export interface Mail {
  /** Of the news: a repeat may be sent again, and has the same. */
  id: string;
  /** 1 to 99 characters of printable ASCII. */
  subject: string;
  text: string;
}

export interface FinanceMail {
  /** Throws where it was not taken. */
  send(mail: Mail): Promise<void>;
}

// ---- Executions that wait ----------------------------------------------------------------------------------

export interface TaskTokens {
  /** Lets an execution go on that waits under the token. Never rejects: one that is over has nothing to hear. */
  end(token: string, output: Record<string, string>): Promise<void>;
}

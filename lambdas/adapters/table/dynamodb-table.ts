/**
 * The port Table over a DynamoDbApi: the one adapter, for AWS and for our own engine.
 *
 * Table: keys `pk`, `sk`; index `byTime` with keys `gpk`, `gsk`, all attributes projected; all four are strings.
 * Every write asks for the new item, and on refusal for the old one, so that no second read is needed. The adapter
 * retries by itself, verbatim, because it must count the attempts whose answer never came: an SDK would hide them.
 */
import type { AttributeValue, QueryOutput } from '@aws-sdk/client-dynamodb';
import { durationMs } from '../../core/brands.ts';
import {
  TableUnavailable,
  type Clock,
  type Condition,
  type DeleteWrite,
  type Ids,
  type Item,
  type ItemKey,
  type Page,
  type PutWrite,
  type Table,
  type TableQuery,
  type TransactOutcome,
  type TransactWrite,
  type UpdateWrite,
  type WriteOutcome,
} from '../../core/ports.ts';
import type { DynamoDbApi } from './dynamodb-api.ts';
import { failureOf, type Failure } from './failures.ts';
import { fromWire, toWire } from './items.ts';

export const ATTEMPTS_MAX = 8;
/** A transaction that conflicts so often is given up: its caller plans anew from what the others have written. */
export const CONFLICTS_MAX = 3;
/** A single write goes in between two transactions, each of which has its item for some ms: it tries soon and often. */
export const SINGLE_CONFLICTS_MAX = 60;
const CONFLICT_BACKOFF_MAX_MS = 40;
/** Waits are drawn between 0 and this, doubled at each attempt: at most 2.5 s in all. */
const BACKOFF_FIRST_MS = 20;
const BACKOFF_MAX_MS = 1000;
/** DynamoDB takes 36 characters; the rest is for the suffix that tells a second try from the first. */
export const TOKEN_LENGTH_MAX = 32;

export class DynamoDbTable implements Table {
  readonly #api: DynamoDbApi;
  readonly #table: { TableName: string };
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor({
    api,
    tableName,
    clock,
    ids,
  }: {
    api: DynamoDbApi;
    tableName: string;
    clock: Clock;
    ids: Ids;
  }) {
    this.#api = api;
    this.#table = { TableName: tableName };
    this.#clock = clock;
    this.#ids = ids;
  }

  async update(write: UpdateWrite): Promise<WriteOutcome> {
    const input = { ...this.#table, ...updateToWire(write), ReturnValues: 'ALL_NEW' as const };
    return writeOutcome(await this.#attempt(() => this.#api.updateItem(input)), ({ Attributes }) =>
      fromWire(Attributes!),
    );
  }

  async put(write: PutWrite): Promise<WriteOutcome> {
    const input = { ...this.#table, ...putToWire(write) };
    return writeOutcome(await this.#attempt(() => this.#api.putItem(input)), () => write.item);
  }

  async delete(write: DeleteWrite): Promise<WriteOutcome> {
    const input = { ...this.#table, Key: keyToWire(write.key), ...conditionToWire(write) };
    return writeOutcome(
      await this.#attempt(() => this.#api.deleteItem({ ...input, ReturnValues: 'ALL_OLD' })),
      ({ Attributes }) => (Attributes ? fromWire(Attributes) : { ...write.key }),
    );
  }

  async transact(writes: TransactWrite[], token: string): Promise<TransactOutcome> {
    if (token.length < 1 || token.length > TOKEN_LENGTH_MAX) {
      throw new RangeError(`A transaction token has 1 to ${TOKEN_LENGTH_MAX} characters: ${token}`);
    }
    const TransactItems = writes.map((write) =>
      write.op === 'update'
        ? { Update: { ...this.#table, ...updateToWire(write) } }
        : { Put: { ...this.#table, ...putToWire(write) } },
    );
    // An attempt that conflicted is over: the next one is a new request. But once an attempt went unanswered the
    // token stays, since only the token keeps that attempt and the next from both being applied.
    const result = await this.#attempt(
      (conflicts) =>
        this.#api.transactWriteItems({
          TransactItems,
          ClientRequestToken: conflicts === 0 ? token : `${token}.${conflicts}`,
        }),
      CONFLICTS_MAX,
    );
    const { unanswered } = result;
    if (result.kind === 'done') return { kind: 'applied', unanswered };
    if (result.kind === 'gave_up') {
      const { reason, conflicts } = result;
      return conflicts < CONFLICTS_MAX
        ? { kind: 'unavailable', unanswered, reason }
        : { kind: 'contended', reason };
    }
    if (result.failure.kind !== 'cancelled') throw new Error(`Not an answer to a transaction`);
    const items = result.failure.items.map((item) => item && fromWire(item));
    return { kind: 'refused', items, unanswered };
  }

  async get(key: ItemKey): Promise<Item | undefined> {
    const input = { ...this.#table, Key: keyToWire(key), ConsistentRead: true };
    const { Item } = await this.#read(() => this.#api.getItem(input));
    return Item && fromWire(Item);
  }

  async query(query: TableQuery): Promise<Page> {
    const { index, partition, limit, cursor, descending } = query;
    const sort = sortCondition(query);
    if (!sort) return { items: [], cursor: undefined };
    const { clause, values } = sort;
    const input = {
      ...this.#table,
      ...(index ? { IndexName: index } : { ConsistentRead: true }),
      KeyConditionExpression: `#p = :p${clause}`,
      ExpressionAttributeNames: {
        '#p': index ? 'gpk' : 'pk',
        ...(clause && { '#s': index ? 'gsk' : 'sk' }),
      },
      ExpressionAttributeValues: toWire({ ':p': partition, ...values }),
      ScanIndexForward: !descending,
      ...pageToWire(limit, cursor),
    };
    return pageFromWire(await this.#read(() => this.#api.query(input)));
  }

  async scan({ limit, cursor }: { limit?: number; cursor?: string }): Promise<Page> {
    const input = { ...this.#table, ConsistentRead: true, ...pageToWire(limit, cursor) };
    return pageFromWire(await this.#read(() => this.#api.scan(input)));
  }

  async #read<T>(send: () => Promise<T>): Promise<T> {
    const result = await this.#attempt(send);
    if (result.kind === 'done') return result.output;
    throw new TableUnavailable(result.kind === 'gave_up' ? result.reason : 'A read was refused');
  }

  /**
   * Sends until there is an answer that decides, at most ATTEMPTS_MAX times, and as often again as others were in the
   * way. Throws on bugs.
   */
  async #attempt<T>(
    send: (conflicts: number) => Promise<T>,
    conflictsMax = SINGLE_CONFLICTS_MAX,
  ): Promise<Attempted<T>> {
    let unanswered = 0;
    let conflicts = 0;
    let reason = '';
    let attempt = 1;
    while (attempt <= ATTEMPTS_MAX) {
      try {
        return { kind: 'done', output: await send(conflicts), unanswered };
      } catch (error) {
        const failure = failureOf(error);
        if (failure.kind === 'bug') throw error;
        if (failure.kind === 'refused' || failure.kind === 'cancelled') {
          return { kind: 'refused', failure, unanswered };
        }
        if (failure.kind === 'unanswered') unanswered += 1;
        reason = String(error);
        if (failure.kind === 'impossible') break;
        if (failure.kind === 'conflict' && unanswered === 0) {
          conflicts += 1;
          if (conflicts === conflictsMax) break;
          await this.#backOff(conflicts, CONFLICT_BACKOFF_MAX_MS);
          continue;
        }
      }
      if (attempt < ATTEMPTS_MAX) await this.#backOff(attempt, BACKOFF_MAX_MS);
      attempt += 1;
    }
    return { kind: 'gave_up', reason, unanswered, conflicts };
  }

  async #backOff(attempt: number, longestMs: number): Promise<void> {
    const waitMax = Math.min(longestMs, BACKOFF_FIRST_MS * 2 ** (attempt - 1));
    await this.#clock.sleep(durationMs(Math.floor((waitMax * Number(this.#ids.randomBits(16))) / 65_536)));
  }
}

type Attempted<T> =
  | { kind: 'done'; output: T; unanswered: number }
  | { kind: 'refused'; failure: Extract<Failure, { kind: 'refused' | 'cancelled' }>; unanswered: number }
  | { kind: 'gave_up'; reason: string; unanswered: number; conflicts: number };

function writeOutcome<T>(result: Attempted<T>, itemOf: (output: T) => Item): WriteOutcome {
  const { unanswered } = result;
  if (result.kind === 'done') return { kind: 'applied', item: itemOf(result.output), unanswered };
  if (result.kind === 'gave_up') return { kind: 'unavailable', unanswered, reason: result.reason };
  if (result.failure.kind !== 'refused') throw new Error('Not an answer to a single write');
  const { item } = result.failure;
  return { kind: 'refused', item: item && fromWire(item), unanswered };
}

interface ConditionWire {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Record<string, AttributeValue>;
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD';
}
/** DynamoDB refuses empty maps of names and values. */
const conditionToWire = ({ condition, names = {}, values = {} }: Condition): ConditionWire => ({
  ...(condition !== undefined && { ConditionExpression: condition }),
  ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
  ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: toWire(values) }),
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
});

const keyToWire = ({ pk, sk }: ItemKey): { pk: { S: string }; sk: { S: string } } => ({
  pk: { S: pk },
  sk: { S: sk },
});

const updateToWire = (
  write: UpdateWrite,
): ConditionWire & { Key: Record<string, AttributeValue>; UpdateExpression: string } => ({
  Key: keyToWire(write.key),
  UpdateExpression: write.update,
  ...conditionToWire(write),
});

const putToWire = (write: PutWrite): ConditionWire & { Item: Record<string, AttributeValue> } => ({
  Item: toWire(write.item),
  ...conditionToWire(write),
});

/** The part of a key condition that is about the sort key; undefined where no key can satisfy it. */
function sortCondition({
  from,
  to,
  prefix,
}: TableQuery): { clause: string; values: Record<string, string> } | undefined {
  if (prefix !== undefined) {
    if (from !== undefined || to !== undefined)
      throw new TypeError('A query has a prefix or bounds, not both');
    return { clause: ' AND begins_with(#s, :s)', values: { ':s': prefix } };
  }
  if (from !== undefined && to !== undefined) {
    if (Buffer.compare(Buffer.from(from), Buffer.from(to)) > 0) return undefined;
    return { clause: ' AND #s BETWEEN :from AND :to', values: { ':from': from, ':to': to } };
  }
  if (from !== undefined) return { clause: ' AND #s >= :from', values: { ':from': from } };
  if (to !== undefined) return { clause: ' AND #s <= :to', values: { ':to': to } };
  return { clause: '', values: {} };
}

function pageToWire(
  limit: number | undefined,
  cursor: string | undefined,
): { Limit?: number; ExclusiveStartKey?: Record<string, AttributeValue> } {
  return {
    ...(limit !== undefined && { Limit: limit }),
    ...(cursor !== undefined && { ExclusiveStartKey: positionFromCursor(cursor) }),
  };
}

function pageFromWire({ Items = [], LastEvaluatedKey }: QueryOutput): Page {
  return { items: Items.map(fromWire), cursor: LastEvaluatedKey && cursorOf(LastEvaluatedKey) };
}

const cursorOf = (position: Record<string, AttributeValue>): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');
const positionFromCursor = (cursor: string): Record<string, AttributeValue> =>
  JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Record<string, AttributeValue>;

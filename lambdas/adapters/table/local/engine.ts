/**
 * DynamoDB's single-table operations over an ItemStore, one at a time and at once: whoever calls decides when, and
 * when the answer is given. Mirrors: conditions, updates, return values, transactions with tokens, one index,
 * pages, limits, and errors by name. Leaves out: throttling, transaction conflicts, an index that lags, capacity
 * figures, filters, projections, sets and binary values.
 */
import type {
  CancellationReason,
  DeleteItemInput,
  DeleteItemOutput,
  GetItemInput,
  GetItemOutput,
  PutItemInput,
  PutItemOutput,
  QueryInput,
  QueryOutput,
  ScanInput,
  ScanOutput,
  TransactWriteItem,
  TransactWriteItemsInput,
  UpdateItemInput,
  UpdateItemOutput,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../../core/ports.ts';
import type { StoredItem } from './attribute-values.ts';
import { EngineError, invalid, unsupported } from './errors.ts';
import { queryRange, readPage, scanRange } from './reads.ts';
import type { ItemStore } from './store.ts';
import { TokenMemory } from './token-memory.ts';
import { conditionCheck, deleteWrite, keyOf, putWrite, updateWrite, type Write } from './writes.ts';

const TRANSACTION_WRITES_MAX = 100;
const REFUSED = 'The conditional request failed';
const CONDITION = [
  'TableName',
  'ConditionExpression',
  'ExpressionAttributeNames',
  'ExpressionAttributeValues',
  'ReturnValuesOnConditionCheckFailure',
];

export class Engine {
  readonly #store: ItemStore;
  readonly #tokens: TokenMemory;

  constructor(store: ItemStore, clock: Clock) {
    this.#store = store;
    this.#tokens = new TokenMemory(clock);
  }

  /** Counts the tokens remembered so far; with forgetTokensAfter, for a store that takes writes back. */
  get tokensGiven(): number {
    return this.#tokens.given;
  }

  forgetTokensAfter(given: number): void {
    this.#tokens.forgetAfter(given);
  }

  updateItem(input: UpdateItemInput): UpdateItemOutput {
    refuseUnknown(input, [...CONDITION, 'Key', 'UpdateExpression', 'ReturnValues']);
    if (input.ReturnValues?.startsWith('UPDATED')) throw unsupported(`ReturnValues ${input.ReturnValues}`);
    const { old, next } = this.#apply(updateWrite(input));
    if (input.ReturnValues === 'ALL_NEW') return { Attributes: next! };
    return old && input.ReturnValues === 'ALL_OLD' ? { Attributes: old } : {};
  }

  putItem(input: PutItemInput): PutItemOutput {
    refuseUnknown(input, [...CONDITION, 'Item', 'ReturnValues']);
    return this.#replace(putWrite(input), input.ReturnValues);
  }

  deleteItem(input: DeleteItemInput): DeleteItemOutput {
    refuseUnknown(input, [...CONDITION, 'Key', 'ReturnValues']);
    return this.#replace(deleteWrite(input), input.ReturnValues);
  }

  getItem(input: GetItemInput): GetItemOutput {
    refuseUnknown(input, ['TableName', 'Key', 'ConsistentRead']);
    const item = this.#store.get(keyOf(input.Key));
    return item ? { Item: item } : {};
  }

  query(input: QueryInput): QueryOutput {
    refuseUnknown(input, [
      'TableName',
      'IndexName',
      'KeyConditionExpression',
      'ExpressionAttributeNames',
      'ExpressionAttributeValues',
      'ConsistentRead',
      'ScanIndexForward',
      'Limit',
      'ExclusiveStartKey',
    ]);
    return readPage(this.#store, queryRange(input), input.Limit);
  }

  scan(input: ScanInput): ScanOutput {
    refuseUnknown(input, ['TableName', 'ConsistentRead', 'Limit', 'ExclusiveStartKey']);
    return readPage(this.#store, scanRange(input), input.Limit);
  }

  transactWriteItems(input: TransactWriteItemsInput): Record<string, never> {
    refuseUnknown(input, ['TransactItems', 'ClientRequestToken']);
    const items = input.TransactItems ?? [];
    if (items.length < 1 || items.length > TRANSACTION_WRITES_MAX) {
      throw invalid(
        `1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and ${TRANSACTION_WRITES_MAX}`,
      );
    }
    const writes = items.map(transactionWrite);
    if (new Set(writes.map(({ key }) => JSON.stringify([key.pk, key.sk]))).size < writes.length) {
      throw invalid('Transaction request cannot include multiple operations on one item');
    }
    if (this.#tokens.alreadyDone(input.ClientRequestToken, items)) return {};
    const outcomes = writes.map((write) => this.#judge(write));
    if (outcomes.some(({ reason }) => reason.Code !== 'None')) {
      const reasons = outcomes.map(({ reason }) => reason);
      throw new EngineError(
        'TransactionCanceledException',
        `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map(({ Code }) => Code).join(', ')}]`,
        { CancellationReasons: reasons },
      );
    }
    outcomes.forEach(({ next }, i) => this.#write(writes[i]!, next));
    this.#tokens.remember(input.ClientRequestToken, items);
    return {};
  }

  /** A write of its own: throws ConditionalCheckFailedException where the condition does not hold. */
  #apply(write: Write): { old: StoredItem | undefined; next: StoredItem | undefined } {
    const old = this.#store.get(write.key);
    if (!write.holds(old)) {
      throw new EngineError('ConditionalCheckFailedException', REFUSED, {
        Item: write.returnsOldOnRefusal ? old : undefined,
      });
    }
    const next = write.next(old);
    this.#write(write, next);
    return { old, next };
  }

  #replace(write: Write, returnValues: string | undefined): { Attributes?: StoredItem } {
    if (returnValues !== undefined && returnValues !== 'NONE' && returnValues !== 'ALL_OLD') {
      throw invalid('Return values set to invalid value');
    }
    const { old } = this.#apply(write);
    return old && returnValues === 'ALL_OLD' ? { Attributes: old } : {};
  }

  /** What a write of a transaction would do. */
  #judge(write: Write): { reason: CancellationReason; next?: StoredItem | undefined } {
    const old = this.#store.get(write.key);
    if (!write.holds(old)) {
      const reason: CancellationReason = { Code: 'ConditionalCheckFailed', Message: REFUSED };
      if (old && write.returnsOldOnRefusal) reason.Item = old;
      return { reason };
    }
    try {
      return { reason: { Code: 'None' }, next: write.next(old) };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return { reason: { Code: 'ValidationError', Message: error.message } };
    }
  }

  #write({ key }: Write, next: StoredItem | undefined): void {
    if (next) this.#store.put(key, next);
    else this.#store.delete(key);
  }
}

function transactionWrite(item: TransactWriteItem): Write {
  const [operation, ...more] = Object.keys(item);
  if (!operation || more.length > 0) {
    throw invalid('TransactItems can only contain one of Check, Put, Update or Delete');
  }
  if (item.Update) {
    refuseUnknown(item.Update, [...CONDITION, 'Key', 'UpdateExpression']);
    return updateWrite(item.Update);
  }
  if (item.Put) {
    refuseUnknown(item.Put, [...CONDITION, 'Item']);
    return putWrite(item.Put);
  }
  if (item.Delete) {
    refuseUnknown(item.Delete, [...CONDITION, 'Key']);
    return deleteWrite(item.Delete);
  }
  if (item.ConditionCheck) {
    refuseUnknown(item.ConditionCheck, [...CONDITION, 'Key']);
    return conditionCheck(item.ConditionCheck);
  }
  throw unsupported(`${operation} in a transaction`);
}

/** What is silently ignored here would surprise on AWS. */
function refuseUnknown(input: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(input)) {
    if (value !== undefined && !known.includes(name)) throw unsupported(`the parameter ${name}`);
  }
}

/** What an error of a DynamoDbApi call says about the call: the one place where names of errors are judged. */
import type { AttributeValue, CancellationReason } from '@aws-sdk/client-dynamodb';

export type Failure =
  /** The condition did not hold: nothing was written. */
  | { kind: 'refused'; item: Record<string, AttributeValue> | undefined }
  /** At least one condition of the transaction did not hold: nothing was written. */
  | { kind: 'cancelled'; items: (Record<string, AttributeValue> | undefined)[] }
  /** Answered, surely not applied, may succeed when sent again. */
  | { kind: 'conflict' | 'throttled' }
  /** No answer came, or one that says nothing: it may have been applied, or may still be. */
  | { kind: 'unanswered' }
  /** Surely not applied, and sending it again is no use: no access, no table. */
  | { kind: 'impossible' }
  /** The request itself is wrong. */
  | { kind: 'bug' };

const BUGS = new Set([
  'ValidationException',
  'IdempotentParameterMismatchException',
  'SerializationException',
  'ItemCollectionSizeLimitExceededException',
]);
const CONFLICTS = new Set([
  'TransactionConflictException',
  'TransactionInProgressException',
  'ReplicatedWriteConflictException',
]);
const THROTTLES = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'ThrottledException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
]);
/** Without credentials the SDK sends nothing. */
const NOT_SENT = new Set(['CredentialsProviderError', 'TokenProviderError']);

/** What errors of the SDK and of our engine have in common. */
interface ApiError {
  name: string;
  $metadata?: { httpStatusCode?: number | undefined };
  Item?: Record<string, AttributeValue>;
  CancellationReasons?: CancellationReason[];
}

export function failureOf(error: unknown): Failure {
  const { name, $metadata, Item, CancellationReasons } = error as ApiError;
  if (name === 'ConditionalCheckFailedException') return { kind: 'refused', item: Item };
  if (name === 'TransactionCanceledException') return cancellationOf(CancellationReasons ?? []);
  if (BUGS.has(name)) return { kind: 'bug' };
  if (CONFLICTS.has(name)) return { kind: 'conflict' };
  if (THROTTLES.has(name)) return { kind: 'throttled' };
  if (NOT_SENT.has(name)) return { kind: 'impossible' };
  const status = $metadata?.httpStatusCode ?? 0;
  return { kind: status >= 400 && status < 500 ? 'impossible' : 'unanswered' };
}

/** Bugs first, then refusals, which are final; conflicts and throttles only where nothing else is amiss. */
function cancellationOf(reasons: CancellationReason[]): Failure {
  const codes = new Set(reasons.map(({ Code }) => Code));
  if (codes.has('ValidationError') || codes.has('ItemCollectionSizeLimitExceeded')) return { kind: 'bug' };
  if (codes.has('ConditionalCheckFailed')) {
    return {
      kind: 'cancelled',
      items: reasons.map(({ Code, Item }) => (Code === 'ConditionalCheckFailed' ? Item : undefined)),
    };
  }
  return { kind: codes.has('TransactionConflict') ? 'conflict' : 'throttled' };
}

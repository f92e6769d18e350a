/** Errors of the local engine, named like the SDK's so that the adapter treats engine and AWS alike. */
import type { AttributeValue, CancellationReason } from '@aws-sdk/client-dynamodb';

export type EngineErrorName =
  | 'ValidationException'
  | 'ConditionalCheckFailedException'
  | 'TransactionCanceledException'
  | 'IdempotentParameterMismatchException'
  | 'InternalServerError';

export class EngineError extends Error {
  override readonly name: EngineErrorName;
  readonly $fault: 'client' | 'server';
  readonly $metadata: { httpStatusCode: number };
  /** Of a ConditionalCheckFailedException that was asked for ALL_OLD. */
  readonly Item?: Record<string, AttributeValue>;
  /** Of a TransactionCanceledException: one a write, in order. */
  readonly CancellationReasons?: CancellationReason[];

  constructor(
    name: EngineErrorName,
    message: string,
    detail: {
      Item?: Record<string, AttributeValue> | undefined;
      CancellationReasons?: CancellationReason[];
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: detail.cause });
    this.name = name;
    const server = name === 'InternalServerError';
    this.$fault = server ? 'server' : 'client';
    this.$metadata = { httpStatusCode: server ? 500 : 400 };
    if (detail.Item) this.Item = detail.Item;
    if (detail.CancellationReasons) this.CancellationReasons = detail.CancellationReasons;
  }
}

export const invalid = (message: string): EngineError => new EngineError('ValidationException', message);
/** Legal in DynamoDB, but not used by us and so not built here. */
export const unsupported = (what: string): EngineError =>
  invalid(`Not supported by the local engine: ${what}`);

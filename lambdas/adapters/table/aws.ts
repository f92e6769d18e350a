/** DynamoDbApi over the AWS SDK. The only file that loads the AWS client; local mode never imports it. */
import {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { timeLimits } from '../aws-time-limits.ts';
import type { DynamoDbApi } from './dynamodb-api.ts';

/** A write that takes longer counts as unanswered; DynamoDB's own p99.9 is far below. */
const SILENCE_MS_MAX = 2000;

/**
 * A client that sends each request once: the adapter retries, because only it can count the attempts whose answer
 * never came.
 */
export function dynamoDbClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ ...timeLimits(SILENCE_MS_MAX), ...config, maxAttempts: 1 });
}

export function awsDynamoDb(client: DynamoDBClient): DynamoDbApi {
  return {
    updateItem: (input) => client.send(new UpdateItemCommand(input)),
    putItem: (input) => client.send(new PutItemCommand(input)),
    deleteItem: (input) => client.send(new DeleteItemCommand(input)),
    getItem: (input) => client.send(new GetItemCommand(input)),
    query: (input) => client.send(new QueryCommand(input)),
    scan: (input) => client.send(new ScanCommand(input)),
    transactWriteItems: (input) => client.send(new TransactWriteItemsCommand(input)),
  };
}

/**
 * What of DynamoDB we use, in the SDK's own low-level types (`{ S: … }`, `{ N: … }`), so that one adapter runs on
 * AWS (aws.ts) and on our own engine (local/). Errors are told apart by `name`, which both sides set alike.
 * Types only: importing this loads nothing of the AWS client.
 */
import type {
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
  TransactWriteItemsInput,
  TransactWriteItemsOutput,
  UpdateItemInput,
  UpdateItemOutput,
} from '@aws-sdk/client-dynamodb';

export interface DynamoDbApi {
  updateItem(input: UpdateItemInput): Promise<UpdateItemOutput>;
  putItem(input: PutItemInput): Promise<PutItemOutput>;
  deleteItem(input: DeleteItemInput): Promise<DeleteItemOutput>;
  getItem(input: GetItemInput): Promise<GetItemOutput>;
  query(input: QueryInput): Promise<QueryOutput>;
  scan(input: ScanInput): Promise<ScanOutput>;
  transactWriteItems(input: TransactWriteItemsInput): Promise<TransactWriteItemsOutput>;
}

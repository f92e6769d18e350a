/**
 * The one table: caps, leaves, pools, charges and their rows, stored answers. Each grant sets the function's environment and its permission
 * together, and names the DynamoDB actions that the role's code sends, so that what a function can do to the books
 * is read here. A transaction needs the permissions of its parts, none of its own.
 */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  ProjectionType,
  StreamViewType,
  TableV2,
  type ITable,
} from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { StartingPosition, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq, type DynamoEventSourceProps } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { EXPIRY_ATTRIBUTE } from '../../../lambdas/core/expiry.ts';

const TIME_INDEX = 'byTime';

export class BudgetTable extends Construct {
  readonly #table: TableV2;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#table = new TableV2(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      globalSecondaryIndexes: [
        {
          indexName: TIME_INDEX,
          partitionKey: { name: 'gpk', type: AttributeType.STRING },
          sortKey: { name: 'gsk', type: AttributeType.STRING },
          projectionType: ProjectionType.ALL,
        },
      ],
      billing: Billing.onDemand(),
      // Of stored answers and of marks that something was told, which are no books.
      timeToLiveAttribute: EXPIRY_ATTRIBUTE,
      dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  get tableName(): string {
    return this.#table.tableName;
  }

  /**
   * Every change that the filters let through, in batches. A record that fails is told apart from its batch, tried again,
   * and in the end kept in the queue; the records behind it go on.
   */
  streamTo(
    fn: LambdaFunction,
    deadLetters: IQueue,
    batches: Pick<DynamoEventSourceProps, 'batchSize' | 'maxBatchingWindow' | 'filters'>,
  ): void {
    fn.addEventSource(
      // The cast is for exactOptionalPropertyTypes: the stream is on, so its ARN is there.
      new DynamoEventSource(this.#table as ITable, {
        ...batches,
        startingPosition: StartingPosition.TRIM_HORIZON,
        reportBatchItemFailures: true,
        bisectBatchOnError: true,
        retryAttempts: 10,
        // The stream itself forgets after 24 h: give up before, so that the record's place is still told.
        maxRecordAge: Duration.hours(12),
        onFailure: new SqsDlq(deadLetters),
      }),
    );
    Validations.of(fn).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'dynamodb:ListStreams knows no resource; the other stream actions name this stream.',
    });
  }

  /** Calls and what finishes them: reserve, settle, draw, charge. Deletes nothing, scans nothing. */
  grantLedger(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem', 'UpdateItem', 'Query']);
  }

  /** The change feed: reads the caps of the accounts that changed; writes nothing. */
  grantCapReading(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem']);
  }

  /** The charge feed: puts the hours of charges on the list of open ones. */
  grantOpeningHours(fn: LambdaFunction): void {
    this.#grant(fn, ['PutItem']);
  }

  /** The roll-up: reads charges by time, puts rows, takes what is done off the list, and notes unusual days. */
  grantRollUp(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem', 'DeleteItem', 'Query']);
    this.#grantTimeIndex(fn);
  }

  /** The ladder: puts a leaf back with its stage, if nobody wrote it in between. */
  grantStages(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem']);
  }

  /** Mails of crossings: reads rows and charges for what the money went on, and keeps a note of each mail. */
  grantFinanceMail(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query']);
    this.#grantTimeIndex(fn);
  }

  /** Approvals: puts requests, and leaves and pools with what was granted, if nobody wrote them in between. */
  grantGrants(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem']);
  }

  /** Lists the requests that wait. */
  grantGrantList(fn: LambdaFunction): void {
    this.#grantTimeIndex(fn);
  }

  /** The price refresh: puts cards and what feeds say, and reads charges for what a change makes of a bill. */
  grantPrices(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem', 'UpdateItem', 'Query']);
    this.#grantTimeIndex(fn);
  }

  /** The admin API: caps and keys, lists by time, the audit, which reads everything, and charges by evidence. */
  grantAdministration(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'Scan']);
    this.#grantTimeIndex(fn);
  }

  /** The policy file's caps: lists those that stand, puts and sweeps them. It touches no account. */
  grantPolicyCaps(fn: LambdaFunction): void {
    this.#grant(fn, ['GetItem', 'PutItem', 'DeleteItem']);
    this.#grantTimeIndex(fn);
  }

  #grantTimeIndex(fn: LambdaFunction): void {
    fn.addToRolePolicy(
      new PolicyStatement({
        actions: ['dynamodb:Query'],
        resources: [`${this.#table.tableArn}/index/${TIME_INDEX}`],
      }),
    );
  }

  #grant(fn: LambdaFunction, actions: string[]): void {
    fn.addEnvironment('TABLE_NAME', this.tableName);
    fn.addToRolePolicy(
      new PolicyStatement({
        actions: actions.map((action) => `dynamodb:${action}`),
        resources: [this.#table.tableArn],
      }),
    );
  }
}

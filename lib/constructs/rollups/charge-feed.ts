/**
 * Step 8, for charges: the table's stream to the function that opens their hours. It may come late, since reports read
 * the charges of hours that have no rows yet, so that a minute's charges share a run.
 */
import { Duration } from 'aws-cdk-lib';
import { FilterCriteria, FilterRule } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';

/** Charges never change, so that each is told of once. */
const NEW_CHARGES = FilterCriteria.filter({
  eventName: FilterRule.isEqual('INSERT') as string[],
  dynamodb: { Keys: { pk: { S: FilterRule.beginsWith('C#') } } },
});

export class ChargeFeed extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { policy, table }: { policy: Policy; table: BudgetTable }) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.function = new NodeFunction(this, 'Function', {
      folder: 'charge-feed',
      description: 'Notes the hours of new charges, whose rows are then made',
      policy,
      timeout: Duration.minutes(1),
      memorySize: 256,
    });
    table.grantOpeningHours(this.function);
    table.streamTo(this.function, this.deadLetters, {
      batchSize: 10_000,
      maxBatchingWindow: Duration.minutes(1),
      filters: [NEW_CHARGES],
    });
  }
}

/**
 * Step 8: the table's stream to the function that finds crossed thresholds. A record that fails is told apart from
 * its batch, tried again, and in the end kept in a queue; the records behind it go on.
 */
import { Duration } from 'aws-cdk-lib';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FilterCriteria, FilterRule } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';

const keys = (prefix: string) => ({ Keys: { pk: { S: FilterRule.beginsWith(prefix) as unknown } } });
/** All that the feed reads. Of charges only overruns: one a call at least never wakes the function. */
const TOLD = [
  ...['L#', 'P#', 'GRANT#', 'REACHED#'].map(keys),
  { ...keys('C#'), NewImage: { end: { S: FilterRule.isEqual('overrun') as unknown } } },
].map((dynamodb) => FilterCriteria.filter({ dynamodb }));

export interface ChangeFeedProps {
  policy: Policy;
  table: BudgetTable;
  bus: EventBus;
}

export class ChangeFeed extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { policy, table, bus }: ChangeFeedProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.function = new NodeFunction(this, 'Function', {
      folder: 'change-feed',
      description: 'Reads the changes of the books and reports crossed thresholds',
      policy,
      timeout: Duration.minutes(1),
      memorySize: 256,
    });
    table.grantCapReading(this.function);
    this.function.addEnvironment('EVENT_BUS_NAME', bus.eventBusName);
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['events:PutEvents'], resources: [bus.eventBusArn] }),
    );
    table.streamTo(this.function, this.deadLetters, { batchSize: 100, filters: TOLD });
  }
}

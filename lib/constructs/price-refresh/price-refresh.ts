/** Brings the price cards of this deployment into the table, every hour, and reports those that are new. */
import { Duration } from 'aws-cdk-lib';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import { FunctionSchedule } from '../schedule/function-schedule.ts';

export interface PriceRefreshProps {
  policy: Policy;
  table: BudgetTable;
  bus: EventBus;
}

export class PriceRefresh extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { policy, table, bus }: PriceRefreshProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.function = new NodeFunction(this, 'Function', {
      folder: 'price-refresh',
      description: 'Writes the price cards that the table has not yet, and reports them',
      policy,
      timeout: Duration.minutes(2),
      memorySize: 256,
    });
    table.grantPrices(this.function);
    this.function.addEnvironment('EVENT_BUS_NAME', bus.eventBusName);
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['events:PutEvents'], resources: [bus.eventBusArn] }),
    );
    new FunctionSchedule(this, 'Hourly', {
      function: this.function,
      description: 'Every hour: price cards that are new',
      every: Duration.hours(1),
      maxAge: Duration.minutes(50),
      retries: { delivery: 3, run: 1 },
      deadLetters: this.deadLetters,
    });
  }
}

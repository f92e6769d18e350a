/**
 * Reads the price feeds by the hour, or as the policy file says, and decides what becomes of what they say. The function
 * stands in no VPC and so reaches the feeds; where an organisation lets nothing out, `priceFeeds: []` turns them off.
 */
import { Duration } from 'aws-cdk-lib';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import type { FinanceMail } from '../finance-mail/finance-mail.ts';
import { grantNews } from '../finance-mail/grant-news.ts';
import { FunctionSchedule } from '../schedule/function-schedule.ts';

export interface PriceRefreshProps {
  policy: Policy;
  table: BudgetTable;
  bus: EventBus;
  mail: FinanceMail;
}

export class PriceRefresh extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { policy, table, bus, mail }: PriceRefreshProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.function = new NodeFunction(this, 'Function', {
      folder: 'price-refresh',
      description: 'Reads the price feeds, and takes in or proposes what changed',
      policy,
      timeout: Duration.minutes(2),
      // A feed of some megabytes is read in a second with this, and in ten with a quarter of it.
      memorySize: 1024,
    });
    table.grantPrices(this.function);
    grantNews(this.function, { bus, mail });
    const every = Duration.minutes(policy.priceRefreshMinutes);
    new FunctionSchedule(this, 'Hourly', {
      function: this.function,
      description: 'Prices: what the feeds say now',
      every,
      maxAge: Duration.minutes(policy.priceRefreshMinutes - 5),
      retries: { delivery: 3, run: 1 },
      deadLetters: this.deadLetters,
    });
  }
}

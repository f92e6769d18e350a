/** Makes, every five minutes, the rows of hours and days that are over, and looks for hours that lack charges and for unusual days. */
import { Duration } from 'aws-cdk-lib';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import type { FinanceMail } from '../finance-mail/finance-mail.ts';
import { grantNews } from '../finance-mail/grant-news.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import { FunctionSchedule } from '../schedule/function-schedule.ts';

export interface RollUpProps {
  policy: Policy;
  table: BudgetTable;
  bus: EventBus;
  mail: FinanceMail;
  /** False where the account's quota leaves nothing to reserve. */
  reserve: boolean;
}

export class RollUp extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { policy, table, bus, mail, reserve }: RollUpProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.function = new NodeFunction(this, 'Function', {
      folder: 'roll-up',
      description: 'Makes the rows of hours and days from charges, finds gaps and unusual days',
      policy,
      timeout: Duration.minutes(15),
      memorySize: 512,
      // Two at once would be safe, and would only read everything twice.
      ...(reserve && { reservedConcurrentExecutions: 1 }),
    });
    table.grantRollUp(this.function);
    grantNews(this.function, { bus, mail });
    new FunctionSchedule(this, 'Regularly', {
      function: this.function,
      description: 'Every five minutes: rows of hours and days that are over',
      every: Duration.minutes(5),
      maxAge: Duration.minutes(4),
      retries: { delivery: 1, run: 0 },
      deadLetters: this.deadLetters,
    });
  }
}

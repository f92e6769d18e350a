/** The function that mails crossings: at once where they are few, gathered every five minutes where they are many. */
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import { FunctionSchedule } from '../schedule/function-schedule.ts';
import type { FinanceMail } from './finance-mail.ts';

export interface FinanceDeskProps {
  policy: Policy;
  table: BudgetTable;
  mail: FinanceMail;
}

export class FinanceDesk extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { policy, table, mail }: FinanceDeskProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.function = new NodeFunction(this, 'Function', {
      folder: 'mail-finance',
      description: 'Mails finance what was crossed, alone or gathered',
      policy,
      timeout: Duration.minutes(1),
      memorySize: 256,
    });
    table.grantFinanceMail(this.function);
    this.function.addEnvironment('FINANCE_TOPIC_ARN', mail.topicArn);
    mail.grantPublish(this.function);
    new FunctionSchedule(this, 'Regularly', {
      function: this.function,
      description: 'Every five minutes: mail the crossings that wait',
      every: Duration.minutes(5),
      maxAge: Duration.minutes(4),
      retries: { delivery: 1, run: 0 },
      deadLetters: this.deadLetters,
      input: { action: 'mail_waiting' },
    });
  }
}

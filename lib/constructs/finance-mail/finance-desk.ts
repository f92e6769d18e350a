/** The function that mails crossings, at once where they are few and gathered every five minutes where they are many, and digests. */
import { Duration, TimeZone } from 'aws-cdk-lib';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { DIGEST_HOUR, type DigestKind } from '../../../lambdas/core/finance/digest-kinds.ts';
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
      // A digest is worth an hour of trying, and each is mailed once.
      maxAge: Duration.hours(1),
      retries: { delivery: 3, run: 2 },
      deadLetters: this.deadLetters,
      input: { action: 'mail_waiting' },
      also: policy.org.digests.map((kind) => digestSchedule(kind, policy.org.timeZone)),
    });
  }
}

/** By the organisation's clock, also where that is set forward and back. */
const digestSchedule = (kind: DigestKind, timeZone: string) => ({
  id: kind === 'daily' ? 'Daily' : 'Weekly',
  description:
    kind === 'daily'
      ? 'Every morning: what was spent the day before'
      : 'On Mondays: what was spent in the week',
  at: ScheduleExpression.cron({
    minute: '0',
    hour: String(DIGEST_HOUR),
    ...(kind === 'weekly' && { weekDay: 'MON' }),
    timeZone: TimeZone.of(timeZone),
  }),
  input: { action: 'digest', kind },
});

/** Finishes, every hour, what calls that died left behind: holds whose time is up are charged, never released. */
import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal, type IRole } from 'aws-cdk-lib/aws-iam';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';

/** The next run does the same work: a late one is not worth keeping. */
const RUN_AGE_MAX = Duration.minutes(50);

export interface CollectorProps {
  policy: Policy;
  table: BudgetTable;
  /** False where the account's quota leaves nothing to reserve. */
  reserve: boolean;
}

export class Collector extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { policy, table, reserve }: CollectorProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.function = new NodeFunction(this, 'Function', {
      folder: 'collect',
      description: 'Charges holds whose calls died, and settles what was charged',
      policy,
      timeout: Duration.minutes(15),
      memorySize: 256,
      // Two at once would be safe, and would only get in each other's way.
      ...(reserve && { reservedConcurrentExecutions: 1 }),
    });
    table.grantLedger(this.function);
    this.function.configureAsyncInvoke({
      retryAttempts: 1,
      maxEventAge: RUN_AGE_MAX,
      onFailure: new SqsDestination(this.deadLetters),
    });
    new Schedule(this, 'Hourly', {
      description: 'Every hour: finish what calls that died left behind',
      schedule: ScheduleExpression.rate(Duration.hours(1)),
      target: new LambdaInvoke(this.function, {
        role: this.#schedulerRole(),
        retryAttempts: 3,
        maxEventAge: RUN_AGE_MAX,
        deadLetterQueue: this.deadLetters,
      }),
    });
  }

  /** The target's own grant would cover every version of the function, hence a role that takes no more updates. */
  #schedulerRole(): IRole {
    const role = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    role.addToPolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [this.function.functionArn] }),
    );
    role.addToPolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] }),
    );
    return role.withoutPolicyUpdates();
  }
}

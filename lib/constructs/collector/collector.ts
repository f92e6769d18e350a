/**
 * Finishes, every hour, what calls that died left behind: holds whose time is up are charged, never released. What
 * thresholds of shared caps depend on is sent home to their pools.
 */
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import { FunctionSchedule } from '../schedule/function-schedule.ts';

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
    new FunctionSchedule(this, 'Hourly', {
      function: this.function,
      description: 'Every hour: finish what calls that died left behind',
      every: Duration.hours(1),
      maxAge: Duration.minutes(50),
      retries: { delivery: 3, run: 1 },
      deadLetters: this.deadLetters,
    });
  }
}

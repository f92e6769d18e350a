/**
 * Step 9: a crossed threshold becomes one execution of the ladder. A rule cannot name an execution, and the name is
 * what makes a repeated event start nothing; so the rule invokes the escalate function, which starts the execution
 * under the event's `detail.id`. The execution calls the same function to set the stage, and the finance desk to mail.
 */
import { Duration } from 'aws-cdk-lib';
import { Rule, type EventBus } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import type { FinanceDesk } from '../finance-mail/finance-desk.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import { LoggedMachine, machineArn } from '../state-machine/logged-machine.ts';

/** Longer than this, and the news is no news: the queue keeps it for a person. */
const EVENT_AGE_MAX = Duration.hours(6);

export interface EscalationProps {
  stage: string;
  policy: Policy;
  table: BudgetTable;
  bus: EventBus;
  desk: FinanceDesk;
  /** The ladder in States Language. Local mode runs the same file. */
  definitionFile: string;
}

export class Escalation extends Construct {
  readonly function: NodeFunction;
  readonly stateMachine: StateMachine;
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, props: EscalationProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    // The function and the machine name each other, so one of the names is ours to choose.
    const stateMachineName = `spendcap-${props.stage}-escalation`;
    this.function = this.#escalate(props, stateMachineName);
    this.stateMachine = this.#ladder(props, stateMachineName);
    this.#rule(props.bus);
  }

  #escalate({ policy, table }: EscalationProps, stateMachineName: string): NodeFunction {
    const escalate = new NodeFunction(this, 'Function', {
      folder: 'escalate',
      description: 'Starts the ladder for a crossed threshold, and sets the stage for it',
      policy,
      timeout: Duration.seconds(30),
      memorySize: 256,
    });
    table.grantStages(escalate);
    const stateMachineArn = machineArn(this, stateMachineName);
    escalate.addEnvironment('STATE_MACHINE_ARN', stateMachineArn);
    escalate.addToRolePolicy(
      new PolicyStatement({ actions: ['states:StartExecution'], resources: [stateMachineArn] }),
    );
    // The rule's own queue takes what could not be delivered; this is for what was delivered and failed.
    escalate.configureAsyncInvoke({
      retryAttempts: 2,
      maxEventAge: EVENT_AGE_MAX,
      onFailure: new SqsDestination(this.deadLetters),
    });
    return escalate;
  }

  #ladder({ desk, definitionFile }: EscalationProps, stateMachineName: string): StateMachine {
    return new LoggedMachine(this, 'Ladder', {
      name: stateMachineName,
      definitionFile,
      substitutions: {
        escalateFunctionArn: this.function.functionArn,
        mailFinanceFunctionArn: desk.function.functionArn,
      },
      functions: [this.function, desk.function],
    });
  }

  #rule(bus: EventBus): void {
    const rule = new Rule(this, 'ThresholdCrossed', {
      description: 'A cap crossed a threshold: start the ladder',
      eventBus: bus,
      eventPattern: { source: ['spendcap'], detailType: ['CapThresholdCrossed'] },
    });
    rule.addTarget(
      new LambdaTarget(this.function, {
        retryAttempts: 20,
        maxEventAge: EVENT_AGE_MAX,
        deadLetterQueue: this.deadLetters,
      }),
    );
  }
}

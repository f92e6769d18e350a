/**
 * Requests for more: the execution that asks the approver by mail and waits, the page that the mail's link opens, and the
 * secret that the link is signed with. Who may mail has no page, and who has the page may not mail.
 */
import { Duration } from 'aws-cdk-lib';
import { Rule, type EventBus } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import type { FinanceMail } from '../finance-mail/finance-mail.ts';
import { GeneratedSecret } from '../generated-secret/generated-secret.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import { FunctionSchedule } from '../schedule/function-schedule.ts';
import { LoggedMachine, machineArn } from '../state-machine/logged-machine.ts';

export interface ApprovalsProps {
  stage: string;
  policy: Policy;
  table: BudgetTable;
  bus: EventBus;
  mail: FinanceMail;
  definitionFile: string;
}

export class Approvals extends Construct {
  readonly page: NodeFunction;
  readonly function: NodeFunction;
  readonly stateMachine: LoggedMachine;
  readonly deadLetters: DeadLetterQueue;
  readonly #machineArn: string;

  constructor(scope: Construct, id: string, props: ApprovalsProps) {
    super(scope, id);
    const { policy, table, stage, bus } = props;
    const name = `spendcap-${stage}-approval`;
    this.#machineArn = machineArn(this, name);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    const key = new GeneratedSecret(this, 'LinkKey', {
      description: 'Signs the links by which requests are decided; a new value ends every open link',
      variable: 'APPROVAL_KEY_SECRET_ARN',
      withoutRotation:
        'A new value ends open links; whoever wants that puts one in, and running functions follow.',
    });
    this.page = new NodeFunction(this, 'Page', {
      folder: 'approve',
      description: 'The page on which an approver decides',
      policy,
      timeout: Duration.seconds(29),
      memorySize: 256,
    });
    table.grantGrants(this.page);
    key.grantRead(this.page);
    this.grantEnding(this.page);
    this.function = this.#askApprover(props, key);
    this.stateMachine = new LoggedMachine(this, 'Wait', {
      name,
      definitionFile: props.definitionFile,
      substitutions: { askApproverFunctionArn: this.function.functionArn },
      functions: [this.function],
    });
    new Rule(this, 'Requested', {
      description: 'Somebody asked for more: ask the approver',
      eventBus: bus,
      eventPattern: { source: ['spendcap'], detailType: ['GrantRequested'] },
    }).addTarget(
      new LambdaTarget(this.function, {
        retryAttempts: 20,
        maxEventAge: Duration.hours(6),
        deadLetterQueue: this.deadLetters,
      }),
    );
    new FunctionSchedule(this, 'Hourly', {
      function: this.function,
      description: 'Every hour: see decisions through, and end what nobody answered',
      every: Duration.hours(1),
      maxAge: Duration.minutes(50),
      // Also for what the rule hands over.
      retries: { delivery: 3, run: 2 },
      deadLetters: this.deadLetters,
      input: { action: 'sweep' },
    });
  }

  /** The mail's link leads there; the API's own address is known only after the page. */
  linkTo(gatewayUrl: string): void {
    this.function.addEnvironment('GATEWAY_URL', gatewayUrl);
  }

  /** Lets the execution go on that waits for a decision. */
  grantEnding(fn: LambdaFunction): void {
    fn.addToRolePolicy(
      new PolicyStatement({ actions: ['states:SendTaskSuccess'], resources: [this.#machineArn] }),
    );
  }

  #askApprover({ policy, table, mail }: ApprovalsProps, key: GeneratedSecret): NodeFunction {
    const fn = new NodeFunction(this, 'Function', {
      folder: 'ask-approver',
      description: 'Asks the approver by mail, and sees decisions through',
      policy,
      timeout: Duration.minutes(1),
      memorySize: 256,
    });
    table.grantGrants(fn);
    table.grantGrantList(fn);
    key.grantRead(fn);
    this.grantEnding(fn);
    fn.addEnvironment('STATE_MACHINE_ARN', this.#machineArn);
    fn.addToRolePolicy(
      new PolicyStatement({ actions: ['states:StartExecution'], resources: [this.#machineArn] }),
    );
    fn.addEnvironment('FINANCE_TOPIC_ARN', mail.topicArn);
    mail.grantPublish(fn);
    return fn;
  }
}

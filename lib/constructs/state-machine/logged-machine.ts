/** A Standard state machine from a States Language file of `lib/`, which local mode runs too; its name is ours to know beforehand. */
import { ArnFormat, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

export interface LoggedMachineProps {
  name: string;
  definitionFile: string;
  substitutions: Record<string, string>;
  /** Those that it calls. */
  functions: readonly LambdaFunction[];
}

export class LoggedMachine extends StateMachine {
  constructor(scope: Construct, id: string, props: LoggedMachineProps) {
    const { name, definitionFile, substitutions } = props;
    super(scope, id, {
      stateMachineName: name,
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromFile(definitionFile),
      definitionSubstitutions: substitutions,
      logs: {
        destination: new LogGroup(scope, `${id}Logs`, {
          // Step Functions writes to groups of this prefix without a policy of the account, whose size is bounded.
          logGroupName: `/aws/vendedlogs/states/${name}`,
          retention: RetentionDays.THREE_MONTHS,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        // Names and amounts stay in the execution history, which Step Functions deletes after 90 days.
        includeExecutionData: false,
      },
      tracingEnabled: true,
    });
    this.addToRolePolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: props.functions.map(({ functionArn }) => functionArn),
      }),
    );
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'Log delivery and X-Ray actions know no resource; all others name theirs.',
    });
  }
}

/** For functions that the machine calls in turn: the two name each other. */
export const machineArn = (scope: Construct, name: string): string =>
  Stack.of(scope).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });

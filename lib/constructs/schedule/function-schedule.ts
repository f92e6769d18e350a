/**
 * EventBridge Scheduler invokes a function at a rate. Both ways to fail end in the queue, where there is one: what
 * could not be delivered, and what was delivered and threw.
 */
import { Stack, type Duration } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal, type IRole } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface FunctionScheduleProps {
  function: LambdaFunction;
  description: string;
  every: Duration;
  /** Later than this a run is not worth having: the next one does the same work. */
  maxAge: Duration;
  /** How often a run that could not be delivered, or threw, is tried again. */
  retries: { delivery: number; run: 0 | 1 | 2 };
  /** Left out where an alarm of the function's own tells of runs that failed or did not come. */
  deadLetters?: Queue;
  /** What the function is invoked with. */
  input?: Record<string, string>;
  /** At hours of a day, beside the rate. */
  also?: readonly {
    id: string;
    at: ScheduleExpression;
    description: string;
    input: Record<string, string>;
  }[];
}

export class FunctionSchedule extends Construct {
  constructor(scope: Construct, id: string, props: FunctionScheduleProps) {
    super(scope, id);
    const { description, every, maxAge, retries, deadLetters, input, also = [] } = props;
    props.function.configureAsyncInvoke({
      retryAttempts: retries.run,
      maxEventAge: maxAge,
      ...(deadLetters && { onFailure: new SqsDestination(deadLetters) }),
    });
    const role = this.#role(props);
    const schedules = [{ id: 'Schedule', at: ScheduleExpression.rate(every), description, input }, ...also];
    for (const schedule of schedules) {
      new Schedule(this, schedule.id, {
        description: schedule.description,
        schedule: schedule.at,
        target: new LambdaInvoke(props.function, {
          role,
          retryAttempts: retries.delivery,
          maxEventAge: maxAge,
          ...(deadLetters && { deadLetterQueue: deadLetters }),
          ...(schedule.input && { input: ScheduleTargetInput.fromObject(schedule.input) }),
        }),
      });
    }
  }

  /** The target's own grant would cover every version of the function, hence a role that takes no more updates. */
  #role({ function: { functionArn }, deadLetters }: FunctionScheduleProps): IRole {
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functionArn] }));
    if (deadLetters) {
      role.addToPolicy(
        new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }),
      );
    }
    return role.withoutPolicyUpdates();
  }
}

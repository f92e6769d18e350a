/** Steps 8 and 9, and the schedule: what wakes each function, and where its failures end. */
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { FinanceMail } from '../../lib/constructs/finance-mail/finance-mail.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { resourcesOf, synthesised } from './stacks.ts';

const { stateless } = synthesised();
const queue = (name: string) => ({ 'Fn::GetAtt': [Match.stringLikeRegexp(`^${name}DeadLetters`), 'Arn'] });

test('the change feed reads leaves, pools and grants and nothing else, splits failing batches and keeps what fails', () => {
  stateless.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    FunctionName: { Ref: Match.stringLikeRegexp('^ChangeFeedFunction') },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 10,
    MaximumRecordAgeInSeconds: 43_200,
    StartingPosition: 'TRIM_HORIZON',
    DestinationConfig: { OnFailure: { Destination: queue('ChangeFeed') } },
    FilterCriteria: {
      Filters: [
        { Pattern: '{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"L#"}]}}}}' },
        { Pattern: '{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"P#"}]}}}}' },
        { Pattern: '{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"GRANT#"}]}}}}' },
        { Pattern: '{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"REACHED#"}]}}}}' },
        {
          Pattern:
            '{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"C#"}]}},"NewImage":{"end":{"S":["overrun"]}}}}',
        },
      ],
    },
  });
});

test('the charge feed reads new charges and nothing else, a minute of them at once', () => {
  stateless.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    FunctionName: { Ref: Match.stringLikeRegexp('^ChargeFeedFunction') },
    BatchSize: 10_000,
    MaximumBatchingWindowInSeconds: 60,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 10,
    MaximumRecordAgeInSeconds: 43_200,
    StartingPosition: 'TRIM_HORIZON',
    DestinationConfig: { OnFailure: { Destination: queue('ChargeFeed') } },
    FilterCriteria: {
      Filters: [{ Pattern: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"C#"}]}}}}' }],
    },
  });
  stateless.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
});

test('rows are made every five minutes', () => {
  stateless.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(5 minutes)',
    State: 'ENABLED',
    Target: {
      Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^RollUpFunction'), 'Arn'] },
      DeadLetterConfig: { Arn: queue('RollUp') },
      RetryPolicy: { MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 240 },
    },
  });
  stateless.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    FunctionName: { Ref: Match.stringLikeRegexp('^RollUpFunction') },
    MaximumRetryAttempts: 0,
  });
});

test('who makes rows tells the bus and finance of unusual days, and nobody else', () => {
  const { stateful, stateless: template } = synthesised();
  const [busId] = Object.keys(resourcesOf(stateful, 'AWS::Events::EventBus'));
  const [topicId] = Object.keys(resourcesOf(template, 'AWS::SNS::Topic')).filter((id) =>
    id.startsWith('FinanceMail'),
  );
  template.hasResourceProperties('AWS::Lambda::Function', {
    Description: 'Makes the rows of hours and days from charges, finds gaps and unusual days',
    Timeout: 900,
    Environment: {
      Variables: {
        EVENT_BUS_NAME: { 'Fn::ImportValue': Match.stringLikeRegexp(busId!) },
        FINANCE_TOPIC_ARN: { Ref: topicId },
      },
    },
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    Roles: [{ Ref: Match.stringLikeRegexp('^RollUpFunctionRole') }],
    PolicyDocument: {
      Statement: Match.arrayWith([
        {
          Action: 'events:PutEvents',
          Effect: 'Allow',
          Resource: { 'Fn::ImportValue': Match.stringLikeRegexp(busId!) },
        },
        { Action: 'sns:Publish', Effect: 'Allow', Resource: { Ref: topicId } },
      ]),
    },
  });
});

describe('the ladder', () => {
  test('is started by the escalate function, for crossed thresholds only', () => {
    stateless.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: ['spendcap'], 'detail-type': ['CapThresholdCrossed'] },
      EventBusName: Match.anyValue(),
      Targets: [
        {
          Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^EscalationFunction'), 'Arn'] },
          DeadLetterConfig: { Arn: queue('Escalation') },
          RetryPolicy: { MaximumRetryAttempts: 20, MaximumEventAgeInSeconds: 21_600 },
        },
      ],
    });
  });

  test('is a Standard machine under a name that the function knows beforehand', () => {
    stateless.hasResourceProperties('AWS::StepFunctions::StateMachine', {
      StateMachineName: 'spendcap-prod-escalation',
      StateMachineType: 'STANDARD',
      DefinitionSubstitutions: {
        mailFinanceFunctionArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^FinanceDeskFunction'), 'Arn'] },
        escalateFunctionArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^EscalationFunction'), 'Arn'] },
      },
    });
    stateless.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          STATE_MACHINE_ARN: {
            'Fn::Join': ['', Match.arrayWith([':stateMachine:spendcap-prod-escalation'])],
          },
        },
      },
    });
  });

  test('mails the address of the policy file', () => {
    stateless.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'finance@example.com',
    });
    stateless.resourceCountIs('AWS::SNS::Subscription', 1);
  });

  test('says where the address goes, if the policy file has none', () => {
    const stack = new Stack();
    new FinanceMail(stack, 'FinanceMail', parsePolicy({}));
    Template.fromStack(stack).resourceCountIs('AWS::SNS::Subscription', 0);
    const [warning] = Annotations.fromStack(stack).findWarning(
      '*',
      Match.stringLikeRegexp('nobody-is-mailed'),
    );
    expect(warning!.entry.data).toContain(
      "Set org: { financeEmail: 'finance@example.com' } in spendcap.config.ts",
    );
    expect(warning!.entry.data).toContain('FinanceTopicArn');
  });
});

describe('approvals', () => {
  test('are asked for by the function, once somebody asks', () => {
    stateless.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: ['spendcap'], 'detail-type': ['GrantRequested'] },
      Targets: [
        {
          Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ApprovalsFunction'), 'Arn'] },
          DeadLetterConfig: { Arn: queue('Approvals') },
        },
      ],
    });
    stateless.hasResourceProperties('AWS::StepFunctions::StateMachine', {
      StateMachineName: 'spendcap-prod-approval',
      StateMachineType: 'STANDARD',
      DefinitionSubstitutions: {
        askApproverFunctionArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ApprovalsFunction'), 'Arn'] },
      },
    });
  });

  test('are swept every hour', () => {
    stateless.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 hour)',
      Target: {
        Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ApprovalsFunction'), 'Arn'] },
        Input: '{"action":"sweep"}',
      },
    });
  });
});

test('the collector runs every hour', () => {
  stateless.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(1 hour)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    State: 'ENABLED',
    Target: {
      Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^CollectorFunction'), 'Arn'] },
      DeadLetterConfig: { Arn: queue('Collector') },
      RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3000 },
    },
  });
});

test('crossings that wait are mailed every five minutes', () => {
  stateless.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(5 minutes)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    State: 'ENABLED',
    Target: {
      Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^FinanceDeskFunction'), 'Arn'] },
      Input: '{"action":"mail_waiting"}',
      DeadLetterConfig: { Arn: queue('FinanceDesk') },
      RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3600 },
    },
  });
});

test.each([
  ['daily', 'cron(0 8 * * ? *)'],
  ['weekly', 'cron(0 8 ? * MON *)'],
])('the %s digest comes at eight by the clock of the organisation', (kind, expression) => {
  stateless.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: expression,
    ScheduleExpressionTimezone: 'UTC',
    State: 'ENABLED',
    Target: {
      Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^FinanceDeskFunction'), 'Arn'] },
      Input: JSON.stringify({ action: 'digest', kind }),
      DeadLetterConfig: { Arn: queue('FinanceDesk') },
      RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3600 },
    },
  });
});

test('new price cards are looked for every hour, by one attempt after another', () => {
  stateless.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(1 hour)',
    Target: {
      Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^PriceRefreshFunction'), 'Arn'] },
      DeadLetterConfig: { Arn: queue('PriceRefresh') },
    },
  });
});

test('the canary asks every quarter of an hour, once', () => {
  stateless.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(15 minutes)',
    State: 'ENABLED',
    Target: {
      Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^CanaryFunction'), 'Arn'] },
      RetryPolicy: { MaximumRetryAttempts: 0 },
    },
  });
  stateless.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    FunctionName: { Ref: Match.stringLikeRegexp('^CanaryFunction') },
    MaximumRetryAttempts: 0,
  });
});

test('what was delivered and failed in the function ends in a queue too', () => {
  for (const name of ['Escalation', 'Approvals', 'Collector', 'PriceRefresh', 'RollUp', 'FinanceDesk']) {
    stateless.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      DestinationConfig: { OnFailure: { Destination: queue(name) } },
    });
  }
});

test('queues keep their messages for two weeks, encrypted', () => {
  const queues = Object.values(resourcesOf(stateless, 'AWS::SQS::Queue'));
  expect(queues).toHaveLength(8);
  for (const { Properties } of queues) {
    expect(Properties).toMatchObject({ MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true });
  }
});

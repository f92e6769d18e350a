/** Subscriptions of the policy on AWS: a rule each, one queue whose messages wait for hours, a function that signs. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { ATTEMPTS_MAX, pauseAfter } from '../../lambdas/core/webhooks/delivery.ts';
import { EVENT_TYPES } from '../../lambdas/core/events/event-types.ts';
import { nameOf, policy, resourcesOf, synthesised } from './stacks.ts';

const { stateless } = synthesised(
  {},
  {
    ...policy,
    webhooks: [
      {
        id: 'chat',
        url: 'https://hooks.example.com/chat',
        events: ['GrantRequested', 'CapThresholdCrossed'],
      },
      { id: 'erp', url: 'https://erp.example.com/' },
    ],
  },
);
const arnOf = (name: string) => ({ 'Fn::GetAtt': [Match.stringLikeRegexp(`^${name}[0-9A-F]{8}$`), 'Arn'] });

describe('a subscription', () => {
  test.each([
    ['chat', ['GrantRequested', 'CapThresholdCrossed']],
    ['erp', [...EVENT_TYPES]],
  ])('%s has a rule that says for whom its events are', (id, types) => {
    stateless.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: ['spendcap'], 'detail-type': types },
      Targets: [
        {
          Arn: arnOf('WebhooksQueue'),
          DeadLetterConfig: { Arn: arnOf('WebhooksDeadLetters') },
          InputTransformer: {
            InputPathsMap: { 'detail-type': '$.detail-type', time: '$.time', detail: '$.detail' },
            InputTemplate: `{"webhook":"${id}","type":<detail-type>,"time":<time>,"detail":<detail>}`,
          },
        },
      ],
    });
  });

  test('that leads to the machine that posts is refused at synth', () => {
    const local = { id: 'mine', url: 'http://127.0.0.1:3000/' };
    expect(() => synthesised({}, { ...policy, webhooks: [local] })).toThrow(
      'webhooks "mine": http://127.0.0.1:3000/ leads to the machine that posts',
    );
  });
});

test('the queue keeps a message for all of its attempts, and the function has time for each', () => {
  const pauses = Array.from({ length: ATTEMPTS_MAX - 1 }, (_, i) => pauseAfter(i + 1)! / 1000);
  stateless.hasResourceProperties('AWS::SQS::Queue', {
    MessageRetentionPeriod: 1_209_600,
    VisibilityTimeout: 180,
    SqsManagedSseEnabled: true,
    RedrivePolicy: { deadLetterTargetArn: arnOf('WebhooksDeadLetters'), maxReceiveCount: 9 },
  });
  expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeLessThan(1_209_600);
  // SQS hides a message for twelve hours at most.
  expect(Math.max(...pauses)).toBeLessThan(43_200);
  stateless.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
    EventSourceArn: arnOf('WebhooksQueue'),
    BatchSize: 1,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 10 },
  });
  stateless.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        QUEUE_URL: Match.anyValue(),
        DEAD_LETTERS_URL: { Ref: Match.stringLikeRegexp('^WebhooksDeadLetters[0-9A-F]{8}$') },
        WEBHOOK_SECRET_ARN: Match.anyValue(),
        TABLE_NAME: Match.absent(),
      },
    },
    Timeout: 30,
  });
});

test('the function may read its secret and its queue, and nothing of the books', () => {
  const actions = Object.entries(resourcesOf(stateless, 'AWS::IAM::Policy'))
    .filter(([id]) => nameOf(id).startsWith('WebhooksFunctionRole'))
    .flatMap(([, { Properties }]) => {
      const { Statement } = Properties['PolicyDocument'] as { Statement: { Action: string | string[] }[] };
      return Statement.flatMap(({ Action }) => Action);
    });
  expect([...new Set(actions)].sort()).toEqual([
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'secretsmanager:GetSecretValue',
    'sqs:ChangeMessageVisibility',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:ReceiveMessage',
    'sqs:SendMessage',
  ]);
});

test('the admin API may sign tests and look after the dead letters, and puts messages back into the queue alone', () => {
  const variables = Object.values(
    stateless.findResources('AWS::Lambda::Function', {
      Properties: { Environment: { Variables: { DEAD_LETTERS: Match.anyValue() } } },
    }),
  ).map(({ Properties }) => JSON.stringify(Properties));
  expect(variables).toHaveLength(1);
  expect(variables[0]).toMatch(
    /webhooks.{0,20}\{"Ref":"WebhooksDeadLetters.{0,40}deliveries.{0,20}\{"Ref":"WebhooksQueue/,
  );
  const statement = (actions: string | string[], resources: unknown) => ({
    PolicyDocument: {
      Statement: Match.arrayWith([{ Action: actions, Effect: 'Allow', Resource: resources }]),
    },
    Roles: [{ Ref: Match.stringLikeRegexp('^AdminRole') }],
  });
  stateless.hasResourceProperties(
    'AWS::IAM::Policy',
    statement('secretsmanager:GetSecretValue', { Ref: Match.stringLikeRegexp('^WebhooksSecret') }),
  );
  stateless.hasResourceProperties('AWS::IAM::Policy', statement('sqs:SendMessage', arnOf('WebhooksQueue')));
  stateless.hasResourceProperties(
    'AWS::IAM::Policy',
    statement(
      ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
      Match.arrayWith([arnOf('ChangeFeedDeadLetters'), arnOf('WebhooksDeadLetters')]),
    ),
  );
});

test('where nobody has subscribed nothing is made', () => {
  const { stateless: without } = synthesised();
  const names = Object.keys(resourcesOf(without, 'AWS::SQS::Queue')).map(nameOf);
  expect(names.filter((name) => name.startsWith('Webhooks'))).toEqual([]);
  expect(Object.keys(without.findOutputs('WebhookSecretArn'))).toEqual([]);
  expect(Object.keys(stateless.findOutputs('WebhookSecretArn'))).toHaveLength(1);
});

/** DynamoDB's conflicts, CloudFormation's types, SNS's mail, and who may call at all. */
import { CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CreateTableCommand, ListTablesCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { setTimeout as sleep } from 'node:timers/promises';
import { tableDefinition } from '../../contract/engines.ts';
import { ACCOUNT } from '../emulator.ts';
import { clientsFor, type Clients } from './clients.ts';
import { nameOf, type Probe } from './probe.ts';

/** Types of resources that a template of ours may want, with the least that each requires. */
const TYPES: Record<string, object> = {
  'AWS::Budgets::Budget': {
    Budget: { BudgetType: 'COST', TimeUnit: 'MONTHLY', BudgetLimit: { Amount: 1, Unit: 'USD' } },
  },
  'AWS::CloudFront::CachePolicy': {
    CachePolicyConfig: {
      ...{ Name: 'probe', MinTTL: 0, MaxTTL: 1, DefaultTTL: 0 },
      ParametersInCacheKeyAndForwardedToOrigin: {
        ...{ EnableAcceptEncodingGzip: false, CookiesConfig: { CookieBehavior: 'none' } },
        ...{ HeadersConfig: { HeaderBehavior: 'none' }, QueryStringsConfig: { QueryStringBehavior: 'none' } },
      },
    },
  },
  'AWS::CloudFront::Function': {
    ...{
      Name: 'probe',
      FunctionCode: 'function handler(event) { return event.request; }',
      AutoPublish: true,
    },
    FunctionConfig: { Comment: 'probe', Runtime: 'cloudfront-js-2.0' },
  },
  'AWS::CloudFront::OriginAccessControl': {
    OriginAccessControlConfig: {
      ...{ Name: 'probe', OriginAccessControlOriginType: 's3' },
      ...{ SigningBehavior: 'always', SigningProtocol: 'sigv4' },
    },
  },
  'AWS::CloudFront::ResponseHeadersPolicy': { ResponseHeadersPolicyConfig: { Name: 'probe' } },
  'AWS::CloudWatch::Alarm': {
    ...{ ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1, Threshold: 1, Period: 60 },
    ...{ MetricName: 'M', Namespace: 'N', Statistic: 'Sum' },
  },
  'AWS::CloudWatch::CompositeAlarm': { AlarmName: 'probe', AlarmRule: 'TRUE' },
  'AWS::CloudWatch::Dashboard': { DashboardBody: '{"widgets":[]}' },
  'AWS::Events::Archive': { SourceArn: `arn:aws:events:us-east-1:${ACCOUNT}:event-bus/default` },
  'AWS::Events::EventBusPolicy': { StatementId: 'probe', Action: 'events:PutEvents', Principal: '*' },
  'AWS::Logs::MetricFilter': {
    ...{ FilterPattern: 'x', LogGroupName: { Ref: 'Log' } },
    MetricTransformations: [{ MetricName: 'M', MetricNamespace: 'N', MetricValue: '1' }],
  },
  'AWS::Scheduler::Schedule': {
    ...{ ScheduleExpression: 'rate(1 day)', FlexibleTimeWindow: { Mode: 'OFF' } },
    Target: {
      Arn: `arn:aws:sqs:us-east-1:${ACCOUNT}:probe`,
      RoleArn: `arn:aws:iam::${ACCOUNT}:role/probe`,
    },
  },
};

/** Those that the pinned emulator does not know: a template with one of them does not deploy at all. */
const REFUSED = new Set([
  'AWS::Budgets::Budget',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::Events::Archive',
  'AWS::Events::EventBusPolicy',
]);

export const serviceProbes: Probe[] = [
  {
    id: 'dynamodb-transaction-conflict',
    aws: 'some of 100 conflict',
    pin: 'none of 100 conflicts',
    ask: conflicts,
  },
  ...Object.entries(TYPES).map(([type, properties]): Probe => ({
    id: type,
    aws: 'CREATE_COMPLETE',
    ...(REFUSED.has(type) && { pin: 'refused: ValidationError' }),
    ask: (clients) => createOf(clients, type, properties),
  })),
  { id: 'sns-mail-unconfirmed', aws: 'pending confirmation', pin: 'confirmed', ask: subscribe },
  { id: 'iam-unknown-caller', aws: 'UnrecognizedClientException', pin: 'answered', ask: unknownCaller },
];

/** Transactions on two items, all with the first in common. */
async function conflicts({ dynamoDb }: Clients): Promise<string> {
  const TableName = 'probe-conflicts';
  await dynamoDb.send(new CreateTableCommand({ ...tableDefinition, TableName }));
  const add = (pk: string): object => ({
    Update: {
      ...{ TableName, Key: { pk: { S: pk }, sk: { S: '-' } } },
      ...{ UpdateExpression: 'ADD n :one', ExpressionAttributeValues: { ':one': { N: '1' } } },
    },
  });
  const all = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) =>
      dynamoDb.send(new TransactWriteItemsCommand({ TransactItems: [add('common'), add(`own-${i}`)] })),
    ),
  );
  return all.some(({ status }) => status === 'rejected') ? 'some of 100 conflict' : 'none of 100 conflicts';
}

let stacks = 0;

async function createOf({ cloudFormation }: Clients, Type: string, Properties: object): Promise<string> {
  stacks += 1;
  const StackName = `probe-${stacks}`;
  try {
    await cloudFormation.send(
      new CreateStackCommand({
        StackName,
        TemplateBody: JSON.stringify({
          Resources: { Only: { Type, Properties }, Log: { Type: 'AWS::Logs::LogGroup' } },
        }),
      }),
    );
  } catch (error) {
    return `refused: ${nameOf(error)}`;
  }
  for (let look = 0; look < 100; look += 1) {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const status = Stacks?.[0]?.StackStatus ?? 'no status';
    if (!status.endsWith('IN_PROGRESS')) return status;
    await sleep(100);
  }
  return 'still in progress after 10 s';
}

async function subscribe({ sns }: Clients): Promise<string> {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'probe' }));
  const { SubscriptionArn } = await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: 'email', Endpoint: 'finance@example.com' }),
  );
  return SubscriptionArn?.startsWith('arn:') ? 'confirmed' : (SubscriptionArn ?? 'nothing');
}

async function unknownCaller({ endpoint }: Clients): Promise<string> {
  try {
    await clientsFor(endpoint, 'AKIANOBODY').dynamoDb.send(new ListTablesCommand({}));
    return 'answered';
  } catch (error) {
    return nameOf(error);
  }
}

/** Every action of every role, and on what. A new one fails here until somebody has read it and written it down. */
import { describe, expect, test } from 'vitest';
import { nameOf, resourcesOf, storingPolicy, synthesised } from './stacks.ts';

const { stateful, stateless } = synthesised({ bedrockRegion: 'eu-west-1' }, storingPolicy);

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
}
interface PolicyDocument {
  Statement: Statement[];
}

const LOGS = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const SEND = ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'];

const MACHINE_LOGS = [
  'logs:CreateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:DescribeLogGroups',
  'logs:DescribeResourcePolicies',
  'logs:GetLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:UpdateLogDelivery',
];
const TRACES = [
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
  'xray:PutTelemetryRecords',
  'xray:PutTraceSegments',
];

/** By role, sorted. Each line has its reason in the construct that grants it. */
const EXPECTED: Record<string, string[]> = {
  ProxyRole: [
    'bedrock:InvokeModel',
    'bedrock:InvokeModelWithResponseStream',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
    ...LOGS,
    'secretsmanager:GetSecretValue',
  ],
  AdminRole: [
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:Scan',
    'dynamodb:UpdateItem',
    'events:PutEvents',
    ...LOGS,
    'sns:Publish',
    'sqs:ChangeMessageVisibility',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
    'sqs:ReceiveMessage',
    'states:SendTaskSuccess',
  ],
  ApprovalsPageRole: [
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    ...LOGS,
    'secretsmanager:GetSecretValue',
    'states:SendTaskSuccess',
  ],
  ApprovalsFunctionRole: [
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    ...LOGS,
    'secretsmanager:GetSecretValue',
    'sns:Publish',
    ...SEND,
    'states:SendTaskSuccess',
    'states:StartExecution',
  ],
  ApprovalsWaitRole: ['lambda:InvokeFunction', ...MACHINE_LOGS, ...TRACES],
  ApprovalsHourlyRole: ['lambda:InvokeFunction', 'sqs:SendMessage'],
  ChangeFeedFunctionRole: [
    'dynamodb:DescribeStream',
    'dynamodb:GetItem',
    'dynamodb:GetRecords',
    'dynamodb:GetShardIterator',
    'dynamodb:ListStreams',
    'events:PutEvents',
    ...LOGS,
    ...SEND,
  ],
  ChargeFeedFunctionRole: [
    'dynamodb:DescribeStream',
    'dynamodb:GetRecords',
    'dynamodb:GetShardIterator',
    'dynamodb:ListStreams',
    'dynamodb:PutItem',
    ...LOGS,
    ...SEND,
  ],
  RollUpFunctionRole: [
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'events:PutEvents',
    ...LOGS,
    'sns:Publish',
    ...SEND,
  ],
  RollUpRegularlyRole: ['lambda:InvokeFunction', 'sqs:SendMessage'],
  EscalationFunctionRole: ['dynamodb:GetItem', 'dynamodb:PutItem', ...LOGS, ...SEND, 'states:StartExecution'],
  EscalationLadderRole: ['lambda:InvokeFunction', ...MACHINE_LOGS, ...TRACES],
  FinanceDeskFunctionRole: [
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
    ...LOGS,
    'sns:Publish',
    ...SEND,
  ],
  FinanceDeskRegularlyRole: ['lambda:InvokeFunction', 'sqs:SendMessage'],
  CollectorFunctionRole: [
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
    ...LOGS,
    ...SEND,
  ],
  CollectorHourlyRole: ['lambda:InvokeFunction', 'sqs:SendMessage'],
  PriceRefreshFunctionRole: [
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
    'events:PutEvents',
    ...LOGS,
    'sns:Publish',
    ...SEND,
  ],
  PriceRefreshHourlyRole: ['lambda:InvokeFunction', 'sqs:SendMessage'],
  PolicyCapsFunctionRole: [
    'dynamodb:DeleteItem',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    ...LOGS,
  ],
  CanaryFunctionRole: [...LOGS, 'secretsmanager:GetSecretValue'],
  CanaryQuarterHourlyRole: ['lambda:InvokeFunction'],
  // A managed policy of AWS, see below.
  GatewayApiCloudWatchRole: [],
};

const statements = Object.values(resourcesOf(stateless, 'AWS::IAM::Policy')).flatMap(({ Properties }) => {
  const roles = Properties['Roles'] as { Ref: string }[];
  const { Statement } = Properties['PolicyDocument'] as PolicyDocument;
  return roles.flatMap(({ Ref }) => Statement.map((statement) => ({ role: nameOf(Ref), statement })));
});
const actionsOf = (role: string): string[] =>
  [
    ...new Set(
      statements.filter((entry) => entry.role === role).flatMap(({ statement }) => [statement.Action].flat()),
    ),
  ].sort();

describe('roles', () => {
  const roles = Object.entries(resourcesOf(stateless, 'AWS::IAM::Role'));

  test('are these, and the stateful stack has none', () => {
    expect(roles.map(([id]) => nameOf(id)).sort()).toEqual(Object.keys(EXPECTED).sort());
    stateful.resourceCountIs('AWS::IAM::Role', 0);
    stateful.resourceCountIs('AWS::IAM::Policy', 0);
  });

  test.each(Object.keys(EXPECTED))('%s may do exactly what is listed', (role) => {
    expect(actionsOf(role)).toEqual(EXPECTED[role]);
  });

  test('carry their policies here: none inside the role, one managed by AWS', () => {
    const managed = roles.flatMap(([id, { Properties }]) => {
      expect(Properties['Policies']).toBeUndefined();
      return Properties['ManagedPolicyArns'] === undefined ? [] : [nameOf(id)];
    });
    expect(managed).toEqual(['GatewayApiCloudWatchRole']);
    stateless.resourceCountIs('AWS::IAM::ManagedPolicy', 0);
  });
});

describe('resources', () => {
  test('are named, but for actions that know none', () => {
    const wild = statements
      .filter(({ statement }) => [statement.Resource].flat().includes('*'))
      .flatMap(({ role, statement }) => [statement.Action].flat().map((action) => `${role} ${action}`));
    for (const entry of wild) {
      expect(entry).toMatch(
        /^(Ch(ange|arge)FeedFunctionRole dynamodb:ListStreams|(EscalationLadder|ApprovalsWait)Role (logs|xray):\w+)$/,
      );
    }
    expect(JSON.stringify(statements.map(({ statement }) => statement.Action))).not.toContain('*');
  });

  test('only those that list by the index may, and list only', () => {
    const byTime = statements.filter(({ statement }) =>
      JSON.stringify(statement.Resource).includes('/index/'),
    );
    expect(byTime.map(({ role }) => role).sort()).toEqual([
      'AdminRole',
      'ApprovalsFunctionRole',
      'FinanceDeskFunctionRole',
      'PolicyCapsFunctionRole',
      'PriceRefreshFunctionRole',
      'RollUpFunctionRole',
    ]);
    for (const { statement } of byTime) {
      expect(statement.Action).toBe('dynamodb:Query');
      expect(JSON.stringify(statement.Resource)).toContain('/index/byTime');
    }
  });

  test('Bedrock is called where the context names a region, there and not otherwise', () => {
    const granted = statements.find(({ statement }) => JSON.stringify(statement.Action).includes('bedrock:'));
    const resources = JSON.stringify(granted!.statement.Resource);
    expect(resources).toContain(':bedrock:*::foundation-model/*');
    expect(resources).toContain(':bedrock:eu-west-1:');
    expect(resources).toContain(':inference-profile/*');
    expect(JSON.stringify(synthesised().stateless.toJSON())).not.toContain('bedrock:');
  });

  test('nothing is denied by accident', () => {
    expect(new Set(statements.map(({ statement }) => statement.Effect))).toEqual(new Set(['Allow']));
  });
});

test('functions are invoked by the API, the bus and nobody else', () => {
  const permissions = Object.values(resourcesOf(stateless, 'AWS::Lambda::Permission')).map(
    ({ Properties }) => Properties,
  );
  expect(permissions.map(({ Action, Principal }) => `${String(Action)} ${String(Principal)}`).sort()).toEqual(
    [
      ...Array<string>(6).fill('lambda:InvokeFunction apigateway.amazonaws.com'),
      ...Array<string>(2).fill('lambda:InvokeFunction events.amazonaws.com'),
    ],
  );
  for (const permission of permissions) expect(permission['SourceArn']).toBeDefined();
});

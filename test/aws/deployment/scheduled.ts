/** What runs on a schedule, invoked as the schedule does: the price refresh, and the canary both ways. */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  ListFunctionsCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { ACCOUNT, CREDENTIALS, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';

interface Parts {
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
}

export async function tellScheduled(story: Story, { clients, stacks, caller }: Parts): Promise<void> {
  story.step('What runs on a schedule');
  const run = async (part: string): Promise<string | undefined> => {
    const { FunctionError } = await clients.lambda.send(
      new InvokeCommand({ FunctionName: await functionNamed(clients, part) }),
    );
    return FunctionError;
  };

  await story.check('the price refresh writes every card once and tells of them once', async () => {
    const news = await newsOf(clients, stacks);
    same(await run('PriceRefresh'), undefined);
    const first = await cardsIn(clients, stacks);
    same(await run('PriceRefresh'), undefined);
    same(await cardsIn(clients, stacks), first);
    if (first < 100) throw new Error(`only ${first} cards`);
    same(await news(), 'PricesChanged');
    return `${first} cards`;
  });

  // A changed cap is seen after thirty seconds; another user's at once.
  const keyOf = async (user: string, cap: object): Promise<void> => {
    await caller.admin.ask('PUT', `/caps/${user}-cent`, {
      ...{ scope: { type: 'user', id: user }, metric: 'usd', window: 'day', limit: '0.01' },
      ...{ thresholds: { warn: null, throttle: null, block: null }, ...cap },
    });
    const { key } = await caller.admin.ask<{ key: string }>('POST', '/keys', {
      ...{ app: 'canary', team: 'operations', user },
    });
    await secrets(clients).send(
      new PutSecretValueCommand({ SecretId: stacks.canarySecretArn, SecretString: JSON.stringify({ key }) }),
    );
  };
  await story.check('the canary fails as long as it has no key', async () => {
    await pointCanary(clients, caller.url);
    if ((await run('Canary')) === undefined) throw new Error('it is content without a key');
    return undefined;
  });
  await story.check(
    'it fails where the second call is admitted: a cent with an overage of five',
    async () => {
      await keyOf('lenient', { overage: '0.05' });
      if ((await run('Canary')) === undefined) throw new Error('it is content with a call above a cent');
      return undefined;
    },
  );
  await story.check('it sees that a cap of one cent holds', async () => {
    await keyOf('canary', {});
    same(await run('Canary'), undefined);
    return undefined;
  });
}

const configOf = ({ endpoint }: Clients) => ({ endpoint, region: REGION, credentials: CREDENTIALS });
const secrets = (clients: Clients): SecretsManagerClient => new SecretsManagerClient(configOf(clients));

export async function functionNamed({ lambda }: Clients, part: string): Promise<string> {
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
  const found = Functions.find(({ FunctionName }) => FunctionName?.includes(part))?.FunctionName;
  if (found === undefined) throw new Error(`no function ${part}`);
  return found;
}

async function cardsIn({ dynamoDb }: Clients, { tableName }: Deployed): Promise<number> {
  const { Count } = await dynamoDb.send(
    new ScanCommand({
      ...{ TableName: tableName, FilterExpression: 'begins_with(sk, :card)', Select: 'COUNT' },
      ExpressionAttributeValues: { ':card': { S: 'card#' } },
    }),
  );
  return Count ?? 0;
}

/** Subscribes a queue to the bus; the answer tells the types of what came, in order. */
async function newsOf(clients: Clients, { eventBusName }: Deployed): Promise<() => Promise<string>> {
  const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: 'news' }));
  const bus = new EventBridgeClient(configOf(clients));
  const rule = { Name: 'news', EventBusName: eventBusName };
  await bus.send(new PutRuleCommand({ ...rule, EventPattern: '{"detail-type":["PricesChanged"]}' }));
  await bus.send(
    new PutTargetsCommand({
      ...{ Rule: rule.Name, EventBusName: eventBusName },
      Targets: [{ Id: 'queue', Arn: `arn:aws:sqs:${REGION}:${ACCOUNT}:news` }],
    }),
  );
  return async () => {
    const { Messages = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10 }),
    );
    return Messages.map(({ Body }) => (JSON.parse(Body!) as { 'detail-type': string })['detail-type']).join();
  };
}

/** The API's own name leads to AWS; the emulator has it under a path. */
async function pointCanary(clients: Clients, gatewayUrl: string): Promise<void> {
  const FunctionName = await functionNamed(clients, 'Canary');
  const { Environment } = await clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  await clients.lambda.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Environment: { Variables: { ...Environment?.Variables, GATEWAY_URL: gatewayUrl } },
    }),
  );
}

/** What the emulator lacks, mended in the deployed stacks from outside. None of it is in `lib/` or `lambdas/`. */
import {
  CreateDeploymentCommand,
  GetIntegrationCommand,
  GetResourcesCommand,
  UpdateIntegrationCommand,
} from '@aws-sdk/client-api-gateway';
import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ACCOUNT, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import { STAGE, type Deployed } from './cdk.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'buffering-awslambda.mjs')).href;

/** Every streamed integration becomes a buffered one (probes `rest-stream`, `lambda-awslambda-global`). */
export async function bufferStreams(
  { apiGateway, lambda }: Clients,
  { apiId }: Pick<Deployed, 'apiId'>,
  dynamoDbUrl: string,
  stageName = STAGE,
): Promise<number> {
  const restApiId = apiId;
  const { items = [] } = await apiGateway.send(
    new GetResourcesCommand({ restApiId, embed: ['methods'], limit: 500 }),
  );
  const functions = new Set<string>();
  let patched = 0;
  for (const { id, resourceMethods = {} } of items) {
    for (const httpMethod of Object.keys(resourceMethods)) {
      const method = { restApiId, resourceId: id, httpMethod };
      const { uri = '' } = await apiGateway.send(new GetIntegrationCommand(method));
      const found = /functions\/(arn:[^/]+)\/response-streaming-invocations$/.exec(uri);
      if (!found) continue;
      const value = uri
        .replace('/2021-11-15/', '/2015-03-31/')
        .replace('/response-streaming-invocations', '/invocations');
      await apiGateway.send(
        new UpdateIntegrationCommand({
          ...method,
          patchOperations: [{ op: 'replace', path: '/uri', value }],
        }),
      );
      functions.add(found[1]!);
      patched += 1;
    }
  }
  await apiGateway.send(new CreateDeploymentCommand({ restApiId, stageName }));
  for (const FunctionName of functions) {
    // The recorder of writes stands in between.
    await preloadAwslambda({ lambda }, FunctionName, { AWS_ENDPOINT_URL_DYNAMODB: dynamoDbUrl });
  }
  return patched;
}

/** Done again, it changes nothing. A deployment that changes the function takes it away. */
export async function preloadAwslambda(
  { lambda }: Pick<Clients, 'lambda'>,
  FunctionName: string,
  more: Record<string, string> = {},
): Promise<void> {
  await changeVariables({ lambda }, FunctionName, ({ NODE_OPTIONS = '', ...others }) => ({
    ...others,
    NODE_OPTIONS: NODE_OPTIONS.includes(PRELOAD)
      ? NODE_OPTIONS
      : `${NODE_OPTIONS} --import=${PRELOAD}`.trim(),
    ...more,
  }));
}

export async function changeVariables(
  { lambda }: Pick<Clients, 'lambda'>,
  FunctionName: string,
  change: (variables: Record<string, string>) => Record<string, string>,
): Promise<void> {
  const Variables = change(await variablesOf({ lambda }, FunctionName));
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
}

export async function variablesOf(
  { lambda }: Pick<Clients, 'lambda'>,
  FunctionName: string,
): Promise<Record<string, string>> {
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  return { ...Environment?.Variables };
}

/** As they were afterwards, however the work ends. */
export async function withVariables(
  clients: Pick<Clients, 'lambda'>,
  FunctionName: string,
  others: Record<string, string>,
  work: () => Promise<void>,
): Promise<void> {
  const before = await variablesOf(clients, FunctionName);
  await changeVariables(clients, FunctionName, () => ({ ...before, ...others }));
  try {
    await work();
  } finally {
    await changeVariables(clients, FunctionName, () => before);
  }
}

/** A queue beside the mail address (probe `sns-mail-unconfirmed`). */
export async function mailbox(
  { sqs, sns }: Clients,
  { financeTopicArn }: Pick<Deployed, 'financeTopicArn'>,
): Promise<Mailbox> {
  const arn = `arn:aws:sqs:${REGION}:${ACCOUNT}:finance-mail`;
  // As on AWS: a queue takes from a topic what its policy allows.
  const Statement = [
    {
      ...{ Effect: 'Allow', Principal: { Service: 'sns.amazonaws.com' } },
      ...{ Action: 'sqs:SendMessage', Resource: arn },
    },
  ];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: 'finance-mail', Attributes: { Policy } }),
  );
  await sns.send(new SubscribeCommand({ TopicArn: financeTopicArn, Protocol: 'sqs', Endpoint: arn }));
  return {
    async next(seconds) {
      const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: seconds }));
      const { Body: body, ReceiptHandle } = Messages?.[0] ?? {};
      if (body === undefined) return undefined;
      // What was read and not removed comes again after half a minute.
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      const { Subject, Message } = JSON.parse(body) as { Subject: string; Message: string };
      return { subject: Subject, text: Message };
    },
  };
}

export interface Mailbox {
  /** Undefined where none came within so many seconds, 20 at most. */
  next(seconds: number): Promise<{ subject: string; text: string } | undefined>;
}

/** Lambda: the streaming global, and what becomes of a stream's batch that fails in part or for good. */
import { CreateTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  InvokeCommand,
  type CreateEventSourceMappingCommandInput,
} from '@aws-sdk/client-lambda';
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tableDefinition } from '../../contract/engines.ts';
import { ACCOUNT } from '../emulator.ts';
import type { Clients } from './clients.ts';
import type { Probe } from './probe.ts';
import { zipOf } from './zip.ts';

const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}:probe-dead-letters`;

export const functionProbes: Probe[] = [
  {
    id: 'lambda-awslambda-global',
    aws: '"object"',
    pin: '"undefined"',
    ask: async ({ lambda }) => {
      const FunctionName = await functionOf(
        lambda,
        'probe-global',
        'export const handler = async () => typeof globalThis.awslambda;',
      );
      const { Payload } = await lambda.send(new InvokeCommand({ FunctionName }));
      return Buffer.from(Payload ?? []).toString();
    },
  },
  {
    id: 'stream-partial-failure',
    aws: 'delivered again',
    pin: 'counted as done',
    ask: async (clients) => {
      const deliveries = await deliveriesOf(clients, {
        name: 'probe-partial',
        // The first delivery fails at its first record.
        end: `if (before === 0) return { batchItemFailures: [{ itemIdentifier: event.Records[0].dynamodb.SequenceNumber }] };
          return { batchItemFailures: [] };`,
        mapping: { FunctionResponseTypes: ['ReportBatchItemFailures'] },
      });
      return deliveries > 1 ? 'delivered again' : 'counted as done';
    },
  },
  {
    id: 'stream-retries-end',
    aws: 'given up, sent to the queue',
    pin: 'tried for ever',
    ask: async (clients) => {
      await clients.sqs.send(new CreateQueueCommand({ QueueName: 'probe-dead-letters' }));
      const deliveries = await deliveriesOf(clients, {
        name: 'probe-poison',
        end: `throw new Error('poison');`,
        mapping: {
          MaximumRetryAttempts: 1,
          DestinationConfig: { OnFailure: { Destination: QUEUE } },
        },
      });
      const { Attributes } = await clients.sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: `${clients.endpoint}/${ACCOUNT}/probe-dead-letters`,
          AttributeNames: ['ApproximateNumberOfMessages'],
        }),
      );
      if (Attributes?.['ApproximateNumberOfMessages'] !== '0') return 'given up, sent to the queue';
      return deliveries > 2 ? 'tried for ever' : 'given up, lost';
    },
  },
];

const WATCH_MS = 9000;

/** How often a batch of the table's stream came to a function that ends as told. */
async function deliveriesOf(
  { dynamoDb, lambda }: Clients,
  {
    name,
    end,
    mapping,
  }: { name: string; end: string; mapping: Partial<CreateEventSourceMappingCommandInput> },
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'spendcap-probe-'));
  const file = join(folder, 'deliveries');
  try {
    const FunctionName = await functionOf(
      lambda,
      name,
      `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
      export const handler = async (event) => {
        const file = ${JSON.stringify(file)};
        const before = existsSync(file) ? readFileSync(file, 'utf8').length : 0;
        appendFileSync(file, '.');
        ${end}
      };`,
    );
    const { TableDescription } = await dynamoDb.send(
      new CreateTableCommand({
        ...tableDefinition,
        TableName: name,
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      }),
    );
    await lambda.send(
      new CreateEventSourceMappingCommand({
        ...{ FunctionName, EventSourceArn: TableDescription!.LatestStreamArn, BatchSize: 10 },
        ...{ StartingPosition: 'TRIM_HORIZON', ...mapping },
      }),
    );
    await dynamoDb.send(new PutItemCommand({ TableName: name, Item: { pk: { S: 'a' }, sk: { S: '-' } } }));
    await sleep(WATCH_MS);
    return existsSync(file) ? readFileSync(file, 'utf8').length : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function functionOf(lambda: Clients['lambda'], name: string, code: string): Promise<string> {
  await lambda.send(
    new CreateFunctionCommand({
      ...{ FunctionName: name, Runtime: 'nodejs22.x', Handler: 'index.handler', Timeout: 30 },
      Role: `arn:aws:iam::${ACCOUNT}:role/probe`,
      Code: { ZipFile: zipOf('index.mjs', code) },
    }),
  );
  return name;
}

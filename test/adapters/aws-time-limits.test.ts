/** Our AWS clients against servers that fall silent: each gives up in time, as the adapters above them rely on. */
import { GetItemCommand, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { timeLimits } from '../../lambdas/adapters/aws-time-limits.ts';
import { dynamoDbClient } from '../../lambdas/adapters/table/aws.ts';
import { failureOf } from '../../lambdas/adapters/table/failures.ts';
import { httpServer } from '../support/socket-servers.ts';

const configOf = (endpoint: string): DynamoDBClientConfig => ({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
});

type Silence = (request: IncomingMessage, response: ServerResponse) => unknown;
const SILENCES: [string, Silence][] = [
  ['before the status', () => undefined],
  [
    'in the body',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-length': 100 });
      response.write('{"Item":');
    },
  ],
];

const failureOfCall = async (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => error);

describe.each(SILENCES)('silent %s', (_, silence) => {
  it('DynamoDB: two seconds, once, and nobody knows whether it was applied', async () => {
    const { origin, requests } = await httpServer(silence);
    const client = dynamoDbClient(configOf(origin));
    const begun = performance.now();
    const error = await failureOfCall(
      client.send(new GetItemCommand({ TableName: 't', Key: { pk: { S: 'a' }, sk: { S: '-' } } })),
    );
    const tookMs = performance.now() - begun;
    client.destroy();
    expect(error).toMatchObject({ name: 'TimeoutError' });
    expect(failureOf(error)).toEqual({ kind: 'unanswered' });
    expect(tookMs).toBeGreaterThan(1900);
    expect(tookMs).toBeLessThan(6000);
    expect(requests).toHaveLength(1);
  });

  it('the others: as long as they are told, at each attempt', async () => {
    const { origin, requests } = await httpServer(silence);
    const client = new SecretsManagerClient({ ...configOf(origin), ...timeLimits(100), maxAttempts: 2 });
    const error = await failureOfCall(client.send(new GetSecretValueCommand({ SecretId: 's' })));
    client.destroy();
    expect(error).toMatchObject({ name: 'TimeoutError' });
    expect(requests.length).toBeGreaterThanOrEqual(1);
  });
});

it('a connection that was idle for longer is used again', async () => {
  const { origin, connections } = await httpServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{"SecretString":"s"}'),
  );
  const client = new SecretsManagerClient({ ...configOf(origin), ...timeLimits(50) });
  const read = () => client.send(new GetSecretValueCommand({ SecretId: 's' }));
  await read();
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(await read()).toMatchObject({ SecretString: 's' });
  client.destroy();
  expect(connections.size).toBe(1);
});

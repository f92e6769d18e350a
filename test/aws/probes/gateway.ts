/** API Gateway (REST): streaming integrations, paths, refusals of its own, IAM-signed routes. */
import {
  CreateDeploymentCommand,
  CreateResourceCommand,
  CreateRestApiCommand,
  GetResourcesCommand,
  PutGatewayResponseCommand,
  PutIntegrationCommand,
  PutMethodCommand,
} from '@aws-sdk/client-api-gateway';
import { ACCOUNT } from '../emulator.ts';
import type { Clients } from './clients.ts';
import { functionOf } from './functions.ts';
import type { Probe } from './probe.ts';

const LAMBDA = 'arn:aws:apigateway:us-east-1:lambda:path';
const functionArn = (name: string): string => `arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}`;

export const gatewayProbes: Probe[] = [
  {
    id: 'rest-stream',
    aws: '200',
    pin: '500',
    ask: async (clients) => {
      const url = await apiOf(clients, {
        name: 'probe-stream',
        code: `export const handler = awslambda.streamifyResponse(async (event, stream) => {
          const out = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: {} });
          out.write('a');
          out.end();
        });`,
        uri: (arn) => `${LAMBDA}/2021-11-15/functions/${arn}/response-streaming-invocations`,
        stream: true,
      });
      return String((await fetch(`${url}/any`)).status);
    },
  },
  {
    id: 'rest-path-decoding',
    aws: '/v1/claude:1',
    ask: async (clients) => {
      const url = await apiOf(clients, {
        name: 'probe-path',
        code: 'export const handler = async (event) => ({ statusCode: 200, body: event.path });',
      });
      return (await fetch(`${url}/v1/claude%3A1`)).text();
    },
  },
  {
    id: 'rest-iam-unsigned',
    aws: '403',
    ask: async (clients) => {
      const url = await apiOf(clients, { name: 'probe-iam', code: OK, authorizationType: 'AWS_IAM' });
      return String((await fetch(`${url}/any`)).status);
    },
  },
  {
    id: 'rest-gateway-response',
    aws: '418 mine',
    ask: async (clients) => {
      const url = await apiOf(clients, { name: 'probe-refusal', code: OK, authorizationType: 'AWS_IAM' });
      const answer = await fetch(`${url}/any`);
      return `${answer.status} ${await answer.text()}`;
    },
  },
];

const OK = `export const handler = async () => ({ statusCode: 200, body: 'ok' });`;

/** The address of an API whose every path goes to one function; a 403 of its own is answered as 418. */
async function apiOf(
  clients: Clients,
  api: {
    name: string;
    code: string;
    authorizationType?: 'NONE' | 'AWS_IAM';
    uri?: (arn: string) => string;
    stream?: boolean;
  },
): Promise<string> {
  const { apiGateway, lambda, endpoint } = clients;
  const arn = functionArn(await functionOf(lambda, api.name, api.code));
  const uri = (api.uri ?? ((of: string) => `${LAMBDA}/2015-03-31/functions/${of}/invocations`))(arn);
  const { id } = await apiGateway.send(new CreateRestApiCommand({ name: api.name }));
  const restApiId = id!;
  const { items } = await apiGateway.send(new GetResourcesCommand({ restApiId }));
  const proxy = await apiGateway.send(
    new CreateResourceCommand({ restApiId, parentId: items![0]!.id, pathPart: '{proxy+}' }),
  );
  const method = { restApiId, resourceId: proxy.id, httpMethod: 'ANY' };
  await apiGateway.send(
    new PutMethodCommand({ ...method, authorizationType: api.authorizationType ?? 'NONE' }),
  );
  await apiGateway.send(
    new PutIntegrationCommand({
      ...{ ...method, type: 'AWS_PROXY', integrationHttpMethod: 'POST', uri },
      ...(api.stream === true && { responseTransferMode: 'STREAM' }),
    }),
  );
  if (api.name === 'probe-refusal') {
    await apiGateway.send(
      new PutGatewayResponseCommand({
        ...{ restApiId, responseType: 'MISSING_AUTHENTICATION_TOKEN', statusCode: '418' },
        responseTemplates: { 'application/json': 'mine' },
      }),
    );
  }
  await apiGateway.send(new CreateDeploymentCommand({ restApiId, stageName: 'prod' }));
  return `${endpoint}/_aws/execute-api/${restApiId}/prod`;
}

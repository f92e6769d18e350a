/** The AWS SDK's clients, pointed at the emulator. */
import { APIGatewayClient } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { CREDENTIALS, REGION } from '../emulator.ts';

export type Clients = ReturnType<typeof clientsFor>;

export function clientsFor(endpoint: string, accessKeyId = CREDENTIALS.accessKeyId) {
  const config = { endpoint, region: REGION, credentials: { accessKeyId, secretAccessKey: 'test' } };
  return {
    endpoint,
    apiGateway: new APIGatewayClient(config),
    cloudFormation: new CloudFormationClient(config),
    dynamoDb: new DynamoDBClient({ ...config, maxAttempts: 1 }),
    lambda: new LambdaClient(config),
    machines: new SFNClient(config),
    sns: new SNSClient(config),
    sqs: new SQSClient(config),
  };
}

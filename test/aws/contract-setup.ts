/** Puts the emulator's DynamoDB in the place of the engines that `npm test` runs the contract suites on. */
import { CreateTableCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { awsDynamoDb, dynamoDbClient } from '../../lambdas/adapters/table/aws.ts';
import { engines, tableDefinition, type NamedEngine } from '../contract/engines.ts';

let tables = 0;

/** A key of twelve digits is an account of its own: the tests reuse transaction tokens, which an account remembers. */
const account = (): string => String(process.pid * 1000 + tables).padStart(12, '0');

const emulator: NamedEngine = {
  name: 'the emulator',
  open: async () => {
    tables += 1;
    // The address comes from the environment, as on AWS.
    const client = dynamoDbClient({
      credentials: { accessKeyId: account(), secretAccessKey: 'test' },
      // Thousands of calls at once queue here for one small server; on AWS the time-outs of aws.ts hold.
      requestHandler: { connectionTimeout: 120_000, requestTimeout: 120_000, httpAgent: { maxSockets: 16 } },
    });
    await client.send(new CreateTableCommand(tableDefinition));
    const { TableName } = tableDefinition;
    return {
      api: awsDynamoDb(client),
      tableName: TableName,
      close: async () => {
        await client.send(new DeleteTableCommand({ TableName }));
        client.destroy();
      },
    };
  },
};

if (process.env.AWS_ENDPOINT_URL === undefined) throw new Error('AWS_ENDPOINT_URL does not name an emulator');
engines.splice(0, engines.length, emulator);

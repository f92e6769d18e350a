/** What the function finds on AWS: its table, its secret and its providers, here in the emulator and on loopback. */
import { CreateTableCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { awsDynamoDb, dynamoDbClient } from '../../../lambdas/adapters/table/aws.ts';
import { DynamoDbTable } from '../../../lambdas/adapters/table/dynamodb-table.ts';
import { capFromInput } from '../../../lambdas/core/caps/cap-definition.ts';
import { makeKey } from '../../../lambdas/core/directory/app-keys.ts';
import { Directory } from '../../../lambdas/core/directory/directory.ts';
import { Ledger } from '../../../lambdas/core/ledger/ledger.ts';
import { holdOfRequest } from '../../../lambdas/core/request-ids.ts';
import { systemClock as clock } from '../../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../../lambdas/runtime/ids.ts';
import { startSimulatedProvider } from '../../../local/simulated-provider/server.ts';
import { tableDefinition } from '../../contract/engines.ts';
import { userCap } from '../../support/gateways.ts';
import { CREDENTIALS, REGION, type Emulator } from '../emulator.ts';

export type RuntimeWorld = Awaited<ReturnType<typeof openRuntimeWorld>>;

export async function openRuntimeWorld({ url }: Emulator) {
  const config = { endpoint: url, region: REGION, credentials: CREDENTIALS };
  const client = dynamoDbClient(config);
  const tableName = `${tableDefinition.TableName}-runtime`;
  await client.send(new CreateTableCommand({ ...tableDefinition, TableName: tableName }));
  const secrets = new SecretsManagerClient(config);
  const secret = await secrets.send(
    new CreateSecretCommand({
      Name: 'runtime-provider-keys',
      SecretString: JSON.stringify({ openai_api_key: 'sk-simulated', anthropic_api_key: 'sk-simulated' }),
    }),
  );
  const table = new DynamoDbTable({ api: awsDynamoDb(client), tableName, clock, ids });
  const directory = new Directory({ table, clock });
  const ledger = new Ledger({ table, clock, ids });
  const cap = capFromInput('alice-life', userCap('5.00'));
  if ('message' in cap) throw new Error(cap.message);
  await directory.putCap(cap, 'admin');
  const { id, key, hash } = await makeKey('test', ids);
  await directory.createKey({
    ...{ id, hash, createdAt: clock.now(), app: 'web', team: 'growth', scopes: ['call', 'delegate'] },
    ...{ user: 'alice', requireUser: true },
  });
  const provider = await startSimulatedProvider({});
  return {
    key,
    environment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL: url,
      TABLE_NAME: tableName,
      PROVIDER_SECRET_ARN: secret.ARN!,
      OPENAI_BASE_URL: provider.url,
      ANTHROPIC_BASE_URL: provider.url,
      NODE_OPTIONS: '--enable-source-maps',
    },
    /** What stands in the books at this very moment. */
    chargeOf: async (requestId: string): Promise<string | undefined> => {
      const hold = holdOfRequest(requestId);
      return hold && (await ledger.readCharge(hold))?.outcome;
    },
    close: async () => {
      await provider.close();
      await client.send(new DeleteTableCommand({ TableName: tableName }));
      client.destroy();
      secrets.destroy();
    },
  };
}

/** The deployed table as the code of the functions has it, with a clock of the test's choice. */
import { awsDynamoDb, dynamoDbClient } from '../../../lambdas/adapters/table/aws.ts';
import { DynamoDbTable } from '../../../lambdas/adapters/table/dynamodb-table.ts';
import type { Clock, Table } from '../../../lambdas/core/ports.ts';
import { systemClock } from '../../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../../lambdas/runtime/ids.ts';
import { CREDENTIALS, REGION } from '../emulator.ts';
import type { Deployed } from './cdk.ts';

/** Closes its connections when the work is done, however that ends. */
export async function onDeployedTable<T>(
  {
    endpoint,
    stacks,
    clock = systemClock,
  }: { endpoint: string; stacks: Pick<Deployed, 'tableName'>; clock?: Clock },
  work: (table: Table) => Promise<T>,
): Promise<T> {
  const client = dynamoDbClient({ endpoint, region: REGION, credentials: CREDENTIALS });
  try {
    return await work(
      new DynamoDbTable({ api: awsDynamoDb(client), tableName: stacks.tableName, clock, ids }),
    );
  } finally {
    client.destroy();
  }
}

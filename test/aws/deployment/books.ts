/** The books, read from the deployed table and held against what the provider billed. */
import { awsDynamoDb, dynamoDbClient } from '../../../lambdas/adapters/table/aws.ts';
import { DynamoDbTable } from '../../../lambdas/adapters/table/dynamodb-table.ts';
import { auditLedger } from '../../../lambdas/core/ledger/audit.ts';
import { systemClock } from '../../../lambdas/runtime/clock.ts';
import { systemIds } from '../../../lambdas/runtime/ids.ts';
import type { SimulatedProvider } from '../../../local/simulated-provider/server.ts';
import { CREDENTIALS, REGION, type Emulator } from '../emulator.ts';
import type { Story } from '../story.ts';
import { CAP, same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';

interface Parts {
  emulator: Emulator;
  stacks: Deployed;
  provider: SimulatedProvider;
  caller: Caller;
}

/** Five calls of $0.00006 and two of $0.00402. */
const SPENT = '0.00834';

export async function tellBooks(story: Story, { emulator, stacks, provider, caller }: Parts): Promise<void> {
  story.step('The books');
  const client = dynamoDbClient({ endpoint: emulator.url, region: REGION, credentials: CREDENTIALS });
  const table = new DynamoDbTable({
    ...{ api: awsDynamoDb(client), tableName: stacks.tableName, clock: systemClock, ids: systemIds },
  });
  await story.check('every account is the sum of its charges and holds', async () => {
    const audit = await auditLedger(table);
    if (!audit.balanced) throw new Error(JSON.stringify(audit.differences));
    same(audit.open_holds, 0);
    return `${audit.accounts} accounts, ${provider.requests().length} calls billed, no open hold`;
  });
  await story.check('the cap’s account is what the provider billed', async () => {
    const { settled } = await caller.admin.ask<{ settled: string }>('GET', `/caps/${CAP}`);
    same(settled, SPENT);
    return `$${settled}`;
  });
  client.destroy();
}

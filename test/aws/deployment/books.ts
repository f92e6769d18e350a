/** The books, read from the deployed table and held against what the provider billed. */
import { auditLedger } from '../../../lambdas/core/ledger/audit.ts';
import type { SimulatedProvider } from '../../../local/simulated-provider/server.ts';
import type { Emulator } from '../emulator.ts';
import type { Story } from '../story.ts';
import { CAP, same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import { onDeployedTable } from './deployed-table.ts';

interface Parts {
  emulator: Emulator;
  stacks: Deployed;
  provider: SimulatedProvider;
  caller: Caller;
}

/** Four calls of $0.00006 and two of $0.00402. */
const SPENT = '0.00828';

export async function tellBooks(story: Story, { emulator, stacks, provider, caller }: Parts): Promise<void> {
  story.step('The books');
  await story.check('every account is the sum of its charges and holds', async () => {
    const audit = await onDeployedTable({ endpoint: emulator.url, stacks }, auditLedger);
    if (!audit.balanced) throw new Error(JSON.stringify(audit.differences));
    same(audit.open_holds, 0);
    return `${audit.accounts} accounts, ${provider.requests().length} calls billed, no open hold`;
  });
  await story.check('the cap’s account is what the provider billed', async () => {
    const { settled } = await caller.admin.ask<{ settled: string }>('GET', `/caps/${CAP}`);
    same(settled, SPENT);
    return `$${settled}`;
  });
}

/** A second deployment of changed stacks: what is in the books stays. */
import { GetFunctionConfigurationCommand, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { CAP, same, type Caller } from './calls.ts';
import type { Cdk, Deployed } from './cdk.ts';

interface CapFigures {
  settled: string;
  limit: string;
  as_of: string;
}

const ELSEWHERE = 'https://llm.example.com';

export async function tellUpdate(
  story: Story,
  { cdk, clients, caller, stacks }: { cdk: Cdk; clients: Clients; caller: Caller; stacks: Deployed },
): Promise<void> {
  story.step('The stacks are changed and deployed again');
  const cap = async () => {
    const figures = await caller.admin.ask<CapFigures>('GET', `/caps/${CAP}`);
    return { ...figures, as_of: 'whenever' };
  };
  const before = await cap();
  await story.check('another upstream is deployed', async () => {
    await cdk.synth({ openaiBaseUrl: ELSEWHERE });
    const again = await cdk.deploy();
    same(again.apiId, stacks.apiId);
    same(again.tableName, stacks.tableName);
    const { Functions = [] } = await clients.lambda.send(new ListFunctionsCommand({}));
    const { FunctionName } = Functions.find(({ FunctionName: name }) => name?.includes('Proxy'))!;
    const { Environment } = await clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    same(Environment?.Variables?.['OPENAI_BASE_URL'], ELSEWHERE);
    return undefined;
  });
  await story.check('the cap and what was spent are as before', async () => {
    const after = await cap();
    same(JSON.stringify(after), JSON.stringify(before));
    return `$${after.settled} of $${after.limit}`;
  });
}

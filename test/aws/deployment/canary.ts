/** The canary, invoked as its schedule does: content where a cap holds, and not where it does not. */
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CREDENTIALS, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import { functionNamed } from './functions.ts';

interface Parts {
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
}

export async function tellCanary(story: Story, { clients, stacks, caller }: Parts): Promise<void> {
  story.step('The canary, run as its schedule does');
  const run = async (): Promise<string | undefined> => {
    const { FunctionError } = await clients.lambda.send(
      new InvokeCommand({ FunctionName: await functionNamed(clients, 'Canary') }),
    );
    return FunctionError;
  };

  // A changed cap is seen after thirty seconds; another user's at once.
  const keyOf = async (user: string, cap: object): Promise<void> => {
    await caller.admin.ask('PUT', `/caps/${user}-cent`, {
      ...{ scope: { type: 'user', id: user }, metric: 'usd', window: 'day', limit: '0.01' },
      ...{ thresholds: { warn: null, throttle: null, block: null }, ...cap },
    });
    const { key } = await caller.admin.ask<{ key: string }>('POST', '/keys', {
      ...{ app: 'canary', team: 'operations', user },
    });
    await secrets(clients).send(
      new PutSecretValueCommand({ SecretId: stacks.canarySecretArn, SecretString: JSON.stringify({ key }) }),
    );
  };
  await story.check('the canary fails as long as it has no key', async () => {
    await pointCanary(clients, caller.url);
    if ((await run()) === undefined) throw new Error('it is content without a key');
    return undefined;
  });
  await story.check(
    'it fails where the second call is admitted: a cent with an overage of five',
    async () => {
      await keyOf('lenient', { overage: '0.05' });
      if ((await run()) === undefined) throw new Error('it is content with a call above a cent');
      return undefined;
    },
  );
  await story.check('it sees that a cap of one cent holds', async () => {
    await keyOf('canary', {});
    same(await run(), undefined);
    return undefined;
  });
}

const configOf = ({ endpoint }: Clients) => ({ endpoint, region: REGION, credentials: CREDENTIALS });
const secrets = (clients: Clients): SecretsManagerClient => new SecretsManagerClient(configOf(clients));

/** The API's own name leads to AWS; the emulator has it under a path. */
async function pointCanary(clients: Clients, gatewayUrl: string): Promise<void> {
  const FunctionName = await functionNamed(clients, 'Canary');
  const { Environment } = await clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  await clients.lambda.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Environment: { Variables: { ...Environment?.Variables, GATEWAY_URL: gatewayUrl } },
    }),
  );
}

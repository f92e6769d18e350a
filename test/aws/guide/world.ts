/** What the guide's commands act on, seen from outside: the emulator as its root user. */
import { DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand, InvokeCommand } from '@aws-sdk/client-lambda';
import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { functionNamed } from '../deployment/functions.ts';
import { bufferStreams, changeVariables, preloadAwslambda } from '../deployment/workarounds.ts';
import { CREDENTIALS, REGION, type Emulator } from '../emulator.ts';
import { clientsFor, type Clients } from '../probes/clients.ts';
import type { Front } from './front.ts';
import { addToRole, allowing } from './users.ts';

const STAGE = 'prod';

export class World {
  readonly clients: Clients;
  readonly endpoint: string;
  readonly #front: Front;

  constructor(emulator: Emulator, front: Front) {
    this.endpoint = emulator.url;
    this.clients = clientsFor(emulator.url);
    this.#front = front;
  }

  /** Of the stack's outputs; throws where there is no such stack. */
  async output(stack: 'stateful' | 'stateless', name: string): Promise<string> {
    const StackName = `spendcap-${STAGE}-${stack}`;
    const { Stacks } = await this.clients.cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const found = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === name)?.OutputValue;
    if (found === undefined) throw new Error(`${StackName} has no output ${name}`);
    return found;
  }

  /** Without a slash at its end. */
  async gatewayUrl(): Promise<string> {
    return this.#front.apiUrl(await this.output('stateless', 'ApiId'), STAGE);
  }

  /** What the emulator lacks (docs/emulation.md), after each deployment anew. */
  async mend(): Promise<void> {
    const apiId = await this.output('stateless', 'ApiId');
    await bufferStreams(this.clients, { apiId }, this.endpoint, STAGE);
    await preloadAwslambda(this.clients, await functionNamed(this.clients, 'Proxy'));
    // The secrets' own ARNs, instead of the names that the emulator gives for them.
    for (const [part, secret] of await this.#secrets()) {
      const FunctionName = await functionNamed(this.clients, part);
      const { Role } = await this.clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
      await addToRole(this.endpoint, Role!, allowing('secretsmanager:GetSecretValue', secret));
    }
    // Topics take no message that did not come by TLS.
    await changeVariables(this.clients, await functionNamed(this.clients, 'RollUp'), (old) => ({
      ...old,
      AWS_ENDPOINT_URL_SNS: this.#front.url,
    }));
    const GATEWAY_URL = await this.gatewayUrl();
    await changeVariables(this.clients, await functionNamed(this.clients, 'Canary'), (old) => ({
      ...old,
      GATEWAY_URL,
    }));
  }

  async #secrets(): Promise<[part: string, arn: string][]> {
    const client = new SecretsManagerClient({
      endpoint: this.endpoint,
      region: REGION,
      credentials: CREDENTIALS,
    });
    const arnOf = async (SecretId: string): Promise<string> =>
      (await client.send(new DescribeSecretCommand({ SecretId }))).ARN!;
    return [
      ['Proxy', await arnOf(await this.output('stateful', 'ProviderSecretArn'))],
      ['Canary', await arnOf(await this.output('stateless', 'CanarySecretArn'))],
    ];
  }

  /** The error of a function's run; undefined where it ran well. */
  async run(part: string): Promise<string | undefined> {
    const FunctionName = await functionNamed(this.clients, part);
    const { FunctionError, Payload } = await this.clients.lambda.send(new InvokeCommand({ FunctionName }));
    return FunctionError === undefined ? undefined : Buffer.from(Payload ?? []).toString('utf8');
  }
}

/** The CDK's command line against the emulator: what an operator runs, with the stage and the upstreams of the test. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCOUNT, REGION } from '../emulator.ts';

const ROOT = join(import.meta.dirname, '../../..');
const CDK = join(ROOT, 'node_modules/aws-cdk/bin/cdk');
export const STAGE = 'test';

export interface Deployed {
  /** REST API of the gateway. */
  apiId: string;
  tableName: string;
  secretArn: string;
  financeTopicArn: string;
  eventBusName: string;
  canarySecretArn: string;
  webhookSecretArn: string;
}

export class Cdk {
  readonly #env: Record<string, string>;
  /** Synthesised stacks and their outputs. */
  readonly #folder: string;

  constructor(env: Record<string, string>, { folder, policy }: { folder: string; policy: string }) {
    this.#env = { ...env, NO_COLOR: '1', CI: 'true', SPENDCAP_CONFIG: policy };
    this.#folder = join(folder, 'stacks');
  }

  async synth(context: Record<string, string>): Promise<void> {
    const values = Object.entries({ stage: STAGE, ...context }).flatMap(([name, value]) => [
      '--context',
      `${name}=${value}`,
    ]);
    await this.#run(['synth', '--quiet', '--output', this.#folder, ...values]);
  }

  async bootstrap(): Promise<void> {
    await this.#run(['bootstrap', '--app', this.#folder, `aws://${ACCOUNT}/${REGION}`]);
  }

  async deploy(): Promise<Deployed> {
    const file = join(this.#folder, 'outputs.json');
    await this.#run([
      ...['deploy', '--all', '--app', this.#folder, '--require-approval', 'never'],
      ...['--outputs-file', file],
    ]);
    const stacks = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>;
    const outputs = Object.assign({}, ...Object.values(stacks)) as Record<string, string>;
    const output = (name: string): string => {
      const value = outputs[name];
      if (value === undefined) throw new Error(`the stacks have no output ${name}`);
      return value;
    };
    return {
      apiId: new URL(output('Url')).hostname.split('.')[0]!,
      tableName: output('TableName'),
      secretArn: output('ProviderSecretArn'),
      financeTopicArn: output('FinanceTopicArn'),
      eventBusName: output('EventBusName'),
      canarySecretArn: output('CanarySecretArn'),
      webhookSecretArn: output('WebhookSecretArn'),
    };
  }

  #run(parameters: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let output = '';
      const child = spawn(process.execPath, [CDK, ...parameters], {
        cwd: ROOT,
        env: this.#env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      }
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`cdk ${parameters[0]} ended with ${code}:\n${output.slice(-4000)}`));
      });
    });
  }
}

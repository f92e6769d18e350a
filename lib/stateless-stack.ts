/** What runs: the front door and the functions. It can be removed and deployed again without losing a cent. */
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Gateway } from './constructs/gateway/gateway.ts';
import { NodeFunction } from './constructs/node-function/node-function.ts';
import type { Deployment } from './deployment.ts';
import type { StatefulStack } from './stateful-stack.ts';

export interface StatelessStackProps extends StackProps {
  deployment: Deployment;
  stateful: StatefulStack;
}

export class StatelessStack extends Stack {
  constructor(scope: Construct, id: string, { deployment, stateful, ...props }: StatelessStackProps) {
    super(scope, id, props);
    const proxy = this.#proxy(deployment, stateful);
    const admin = this.#admin(deployment, stateful);
    const gateway = new Gateway(this, 'Gateway', { stage: deployment.stage, proxy, admin });
    new CfnOutput(this, 'Url', { value: gateway.api.url });
  }

  #proxy(deployment: Deployment, { table, providerSecret }: StatefulStack): NodeFunction {
    const { policy, proxyConcurrency } = deployment;
    const proxy = new NodeFunction(this, 'Proxy', {
      folder: 'proxy',
      description: 'One call: identify, price, reserve, forward, meter, settle',
      policy,
      timeout: Duration.minutes(15),
      memorySize: 512,
      environment: {
        OPENAI_BASE_URL: deployment.openaiBaseUrl,
        ANTHROPIC_BASE_URL: deployment.anthropicBaseUrl,
      },
      ...(proxyConcurrency !== 'none' && { reservedConcurrentExecutions: proxyConcurrency }),
    });
    table.grantLedger(proxy);
    providerSecret.grantRead(proxy);
    return proxy;
  }

  #admin({ policy, stage }: Deployment, { table }: StatefulStack): NodeFunction {
    const admin = new NodeFunction(this, 'Admin', {
      folder: 'admin',
      description: 'The admin API: caps, keys, usage, audit',
      policy,
      timeout: Duration.seconds(29),
      memorySize: 512,
      environment: { KEY_ENVIRONMENT: stage },
    });
    table.grantAdministration(admin);
    return admin;
  }
}

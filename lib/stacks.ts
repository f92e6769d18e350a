/** The stacks of one deployment, in the order in which they depend on each other. */
import { Tags, type App } from 'aws-cdk-lib';
import type { Deployment } from './deployment.ts';
import { StatefulStack } from './stateful-stack.ts';
import { StatelessStack } from './stateless-stack.ts';

export interface Stacks {
  stateful: StatefulStack;
  stateless: StatelessStack;
}

export function createStacks(app: App, deployment: Deployment): Stacks {
  const prefix = `spendcap-${deployment.stage}`;
  const stateful = new StatefulStack(app, `${prefix}-stateful`, {
    description: 'Spendcap: the books, the event bus and the provider keys. Retained.',
    terminationProtection: true,
    stage: deployment.stage,
  });
  const stateless = new StatelessStack(app, `${prefix}-stateless`, {
    description: 'Spendcap: the gateway, the change feed and the ladder. Can be removed and deployed again.',
    deployment,
    stateful,
  });
  Tags.of(app).add('spendcap:stage', deployment.stage);
  return { stateful, stateless };
}

/** The stacks as the tests see them: synthesised once, functions not bundled. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { readDeployment } from '../../lib/deployment.ts';
import { createStacks } from '../../lib/stacks.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';

const CDK_JSON = resolve(import.meta.dirname, '../../cdk.json');

/**
 * An app with the context of cdk.json, as the CLI would give it. CloudFormation's own rules are checked where a test
 * asks for it: each time it takes seconds.
 */
export function appWith(context: Record<string, unknown> = {}, checksCloudFormation = false): App {
  const { context: flags } = JSON.parse(readFileSync(CDK_JSON, 'utf8')) as { context: object };
  return new App({
    context: { ...flags, 'aws:cdk:bundling-stacks': [], ...context },
    builtinCloudFormationValidation: checksCloudFormation,
  });
}

export const policy = parsePolicy({ org: { name: 'Example', financeEmail: 'finance@example.com' } });

/** Of a deployment whose apps have their answers stored. */
export const storingPolicy = parsePolicy({
  org: { name: 'Example', financeEmail: 'finance@example.com' },
  apps: [{ id: 'web', team: 'growth', storeAnswers: { retentionHours: 24 } }],
});

export function synthesised(
  context: Record<string, unknown> = {},
  given = policy,
): {
  stateful: Template;
  stateless: Template;
} {
  const app = appWith(context);
  const { stateful, stateless } = createStacks(app, readDeployment(app, given));
  return { stateful: Template.fromStack(stateful), stateless: Template.fromStack(stateless) };
}

export interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  DeletionPolicy?: string;
}

export const resourcesOf = (template: Template, type: string): Record<string, Resource> =>
  template.findResources(type) as Record<string, Resource>;

/** Names for people: the logical id without its hash. */
export const nameOf = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');

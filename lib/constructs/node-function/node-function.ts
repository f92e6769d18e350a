/**
 * A function of ours: Node 24 on ARM64, one ESM bundle with its SDK, its own log group, and a role that can write
 * those logs and nothing else until a grant says more.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, DockerImage, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import { bundleFunctions, sourceOf } from './bundle.ts';

export interface NodeFunctionProps {
  /** Folder below `lambdas/` whose `handler.ts` exports `handler`. */
  folder: string;
  description: string;
  timeout: Duration;
  /** Megabytes; processor time grows with it. Waiting dominates the bill, so this is the lever. */
  memorySize: number;
  /** Stands in the bundle as the constant SPENDCAP_POLICY. */
  policy: Policy;
  environment?: Record<string, string>;
  reservedConcurrentExecutions?: number;
}

export class NodeFunction extends Function {
  constructor(scope: Construct, id: string, { folder, policy, ...props }: NodeFunctionProps) {
    const logGroup = new LogGroup(scope, `${id}Logs`, {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // Not the managed basic role: that one may write every log group of the account.
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    super(scope, id, {
      ...props,
      role,
      logGroup,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      environment: { NODE_OPTIONS: '--enable-source-maps', ...props.environment },
      handler: 'index.handler',
      code: codeOf(folder, policy),
    });
  }
}

/** Bundled only where the CDK wants the code: not in tests of templates, and not for a stack that is left out. */
function codeOf(folder: string, policy: Policy): Code {
  const tryBundle = (outputFolder: string): boolean => {
    for (const [name, content] of bundlesWith(policy).get(folder)!) {
      writeFileSync(join(outputFolder, name), content);
    }
    return true;
  };
  return Code.fromAsset(sourceOf(folder), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: { local: { tryBundle }, image: DockerImage.fromRegistry('never-used') },
  });
}

const bundles = new WeakMap<Policy, ReturnType<typeof bundleFunctions>>();

/** All functions are bundled when the first of them is. */
function bundlesWith(policy: Policy): ReturnType<typeof bundleFunctions> {
  const known = bundles.get(policy) ?? bundleFunctions(policy);
  bundles.set(policy, known);
  return known;
}

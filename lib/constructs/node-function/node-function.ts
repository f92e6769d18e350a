/**
 * A function of ours: Node 24 on ARM64, one ESM bundle with its SDK, its own log group, and a role that can write
 * those logs and nothing else until a grant says more.
 */
import { resolve } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat, SourceMapMode } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

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

export class NodeFunction extends NodejsFunction {
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
      entry: `${ROOT}/lambdas/${folder}/handler.ts`,
      projectRoot: ROOT,
      depsLockFilePath: `${ROOT}/package-lock.json`,
      role,
      logGroup,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      environment: { NODE_OPTIONS: '--enable-source-maps', ...props.environment },
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        mainFields: ['module', 'main'],
        minify: true,
        sourceMap: true,
        sourceMapMode: SourceMapMode.EXTERNAL,
        sourcesContent: false,
        // The runtime's own SDK changes under us.
        bundleAwsSDK: true,
        // Dependencies in CommonJS call require, which an ES module does not have.
        banner: "import{createRequire as __cr}from'module';const require=__cr(import.meta.url);",
        define: { SPENDCAP_POLICY: JSON.stringify(policy) },
      },
    });
  }
}

/** The CDK app: `cdk synth`, `cdk deploy`. Needs no credentials and no network to synthesise. */
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readPolicyFile } from '../lambdas/adapters/policy/policy-file.ts';
import { PolicyInvalid } from '../lambdas/core/policy/policy.ts';
import { DeploymentInvalid, readDeployment } from '../lib/deployment.ts';
import { createStacks } from '../lib/stacks.ts';

try {
  const app = new App();
  const policy = await readPolicyFile(process.env['SPENDCAP_CONFIG'] ?? 'spendcap.config.ts');
  createStacks(app, readDeployment(app, policy));
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
} catch (error) {
  // Mistakes of whoever deploys are sentences; where in our code they were found helps nobody.
  if (!(error instanceof PolicyInvalid || error instanceof DeploymentInvalid)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** The CDK app: `cdk synth`, `cdk deploy`. Needs no credentials and no network to synthesise. */
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readPolicyFile } from '../lambdas/adapters/policy/policy-file.ts';
import { readDeployment } from '../lib/deployment.ts';
import { createStacks } from '../lib/stacks.ts';

const app = new App();
const policy = await readPolicyFile(process.env['SPENDCAP_CONFIG'] ?? 'spendcap.config.ts');
createStacks(app, readDeployment(app, policy));
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();

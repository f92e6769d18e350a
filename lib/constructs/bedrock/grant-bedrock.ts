/**
 * Calls to the Bedrock of one region, by the function's own role: no key, and nothing to rotate. A profile whose calls
 * are spread over regions needs the models of each of them; which ones have a price, and may be called, the gateway knows.
 */
import { Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';

export function grantBedrock(fn: LambdaFunction, region: string): void {
  const { partition, account } = Stack.of(fn);
  const models = `arn:${partition}:bedrock:*::foundation-model/*`;
  const profiles = `arn:${partition}:bedrock:${region}:${account}:inference-profile/*`;
  fn.addEnvironment('BEDROCK_REGION', region);
  fn.addToRolePolicy(
    new PolicyStatement({
      actions: ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'],
      resources: [models, profiles],
    }),
  );
  const reason = 'Which models may be called is a question of prices, which change without a deployment.';
  Validations.of(fn.role!).acknowledge(
    { id: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:*::foundation-model/*]', reason },
    {
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:${region}:<AWS::AccountId>:inference-profile/*]`,
      reason,
    },
  );
}

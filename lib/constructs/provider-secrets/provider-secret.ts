/**
 * The provider keys: one secret, `{"openai_api_key": "…", "anthropic_api_key": "…"}`. The stack creates it empty
 * and never writes it again; an operator puts the keys in (`aws secretsmanager put-secret-value`).
 */
import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

export class ProviderSecret extends Construct {
  readonly #secret: Secret;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#secret = new Secret(this, 'Secret', {
      description: 'Keys of the LLM providers: {"openai_api_key": "...", "anthropic_api_key": "..."}',
      // A template is the one way to create an object without a secret value in the template; the generated
      // member is not used.
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ openai_api_key: '', anthropic_api_key: '' }),
        generateStringKey: 'unused',
      },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(this.#secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'Only the providers issue these keys: there is nothing that a rotation function could call.',
    });
  }

  get secretArn(): string {
    return this.#secret.secretArn;
  }

  grantRead(fn: LambdaFunction): void {
    fn.addEnvironment('PROVIDER_SECRET_ARN', this.secretArn);
    fn.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.secretArn] }),
    );
  }
}

/**
 * A text that Secrets Manager makes up, encrypted by KMS, and that nobody needs to know. Nothing of the books is lost
 * with it, so it goes with its stack.
 */
import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

export interface GeneratedSecretProps {
  description: string;
  /** Variable in which functions that may read it find its ARN. */
  variable: string;
  /** Why nothing rotates it by itself. */
  withoutRotation: string;
}

export class GeneratedSecret extends Construct {
  readonly #secret: Secret;
  readonly #variable: string;

  constructor(
    scope: Construct,
    id: string,
    { description, variable, withoutRotation }: GeneratedSecretProps,
  ) {
    super(scope, id);
    this.#variable = variable;
    this.#secret = new Secret(this, 'Secret', {
      description,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this.#secret).acknowledge({ id: 'AwsSolutions-SMG4', reason: withoutRotation });
  }

  grantRead(fn: LambdaFunction): void {
    const { secretArn } = this.#secret;
    fn.addEnvironment(this.#variable, secretArn);
    fn.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] }),
    );
  }
}

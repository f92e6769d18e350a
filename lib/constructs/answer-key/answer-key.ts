/**
 * What stored answers are sealed with: a text that Secrets Manager makes up, encrypted by KMS, and that nobody needs to
 * know. Only the proxy may read it, so who reads the table does not read answers. A new value makes those stored before
 * unreadable: their repeats are told their charge.
 */
import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

export class AnswerKey extends Construct {
  readonly #secret: Secret;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.#secret = new Secret(this, 'Secret', {
      description: 'Seals stored answers; a new value makes those stored before unreadable',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      // Nothing of the books is lost with it.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this.#secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'A new value loses what was stored before; whoever wants that puts one in, and running functions follow.',
    });
  }

  grantRead(fn: LambdaFunction): void {
    const { secretArn } = this.#secret;
    fn.addEnvironment('ANSWER_KEY_SECRET_ARN', secretArn);
    fn.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] }),
    );
  }
}

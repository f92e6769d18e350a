/**
 * Mail to finance, as the policy file names it. The subscription must be confirmed once, by the link in its first
 * mail; SNS suspends an address that gets more than ten mails a second.
 */
import { Annotations } from 'aws-cdk-lib';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { PolicyStatement, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';

export class FinanceMail extends Construct {
  readonly #topic: Topic;

  constructor(scope: Construct, id: string, { org }: Policy) {
    super(scope, id);
    this.#topic = new Topic(this, 'Topic', { displayName: `${org.name} spending`, enforceSSL: true });
    if (org.financeEmail !== undefined) {
      this.#topic.addSubscription(new EmailSubscription(org.financeEmail));
    } else {
      Annotations.of(this).addWarningV2(
        'spendcap:nobody-is-mailed',
        'The policy file has no org.financeEmail, so nobody is mailed when a cap crosses a threshold. ' +
          "Set org: { financeEmail: 'finance@example.com' } in spendcap.config.ts (or the file that SPENDCAP_CONFIG " +
          'names) and deploy again, or subscribe somebody to the topic of the output FinanceTopicArn.',
      );
    }
  }

  get topicArn(): string {
    return this.#topic.topicArn;
  }

  grantPublish(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['sns:Publish'], resources: [this.topicArn] }),
    );
  }
}

/**
 * Events for customers' own systems: each subscription of the policy has a rule that puts its events into one queue, and a
 * function signs and posts them. The queue is what a failed attempt waits in; its dead letters are what was given up.
 */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { EventField, Rule, RuleTargetInput, type EventBus } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { EVENT_SOURCE } from '../../../lambdas/core/events/catalogue.ts';
import { EVENT_TYPES } from '../../../lambdas/core/events/event-types.ts';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import { ATTEMPTS_MAX } from '../../../lambdas/core/webhooks/delivery.ts';
import { UNUSED } from '../../../lambdas/core/webhooks/signature.ts';
import type { Webhook } from '../../../lambdas/core/webhooks/webhook.ts';
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { NodeFunction } from '../node-function/node-function.ts';

const TIMEOUT = Duration.seconds(30);
/** Posts at a time, of all subscriptions. */
const AT_ONCE = 10;

export class Webhooks extends Construct {
  readonly function: NodeFunction;
  readonly deadLetters: DeadLetterQueue;
  /** Where messages wait for an attempt. */
  readonly queue: Queue;
  readonly secretArn: string;

  /** Throws where a subscription of the policy leads to this machine. */
  constructor(scope: Construct, id: string, { policy, bus }: { policy: Policy; bus: EventBus }) {
    super(scope, id);
    const insecure = policy.webhooks.find(({ url }) => !url.startsWith('https://'));
    if (insecure)
      throw new Error(
        `webhooks "${insecure.id}": ${insecure.url} leads to the machine that posts; give an address that begins with https://`,
      );
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      visibilityTimeout: Duration.seconds(TIMEOUT.toSeconds() * 6),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: ATTEMPTS_MAX },
    });
    const secret = this.#secret();
    this.secretArn = secret.secretArn;
    this.function = new NodeFunction(this, 'Function', {
      folder: 'webhook',
      description: 'Signs events and posts them to those who subscribed',
      policy,
      timeout: TIMEOUT,
      memorySize: 256,
      environment: { QUEUE_URL: this.queue.queueUrl, DEAD_LETTERS_URL: this.deadLetters.queueUrl },
    });
    this.grantSigning(this.function);
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] }),
    );
    this.function.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: 1,
        maxConcurrency: AT_ONCE,
        reportBatchItemFailures: true,
      }),
    );
    for (const webhook of policy.webhooks) this.#subscribe(webhook, bus);
  }

  grantSigning(fn: LambdaFunction): void {
    fn.addEnvironment('WEBHOOK_SECRET_ARN', this.secretArn);
    fn.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.secretArn] }),
    );
  }

  #subscribe({ id, events }: Webhook, bus: EventBus): void {
    new Rule(this, `To-${id}`, {
      description: `What the webhook ${id} is told`,
      eventBus: bus,
      eventPattern: { source: [EVENT_SOURCE], detailType: events ?? [...EVENT_TYPES] },
    }).addTarget(
      new SqsQueue(this.queue, {
        deadLetterQueue: this.deadLetters,
        message: RuleTargetInput.fromObject({
          webhook: id,
          type: EventField.detailType,
          time: EventField.time,
          detail: EventField.fromPath('$.detail'),
        }),
      }),
    );
  }

  #secret(): Secret {
    const secret = new Secret(this, 'Secret', {
      description: 'What webhooks are signed with: {"<id of the webhook>": "whsec_..."}',
      // Without a template the value would be a random text; the generated member is not used.
      generateSecretString: { secretStringTemplate: '{}', generateStringKey: UNUSED },
      // Whoever receives has it too; it is put in again in a minute.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'Who receives must know the new value first; two values sign during the change.',
    });
    return secret;
  }
}

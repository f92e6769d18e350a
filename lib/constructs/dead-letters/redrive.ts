/** What an operator sees of the dead-letter queues, and has worked again: by the admin API. */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { DeadLetterQueueName } from '../../../lambdas/core/dead-letters/dead-letters.ts';

/** The table and the bus are granted apart. */
export function grantRedrive(
  fn: LambdaFunction,
  {
    dead,
    deliveries,
  }: { dead: Partial<Record<DeadLetterQueueName, IQueue>>; deliveries: IQueue | undefined },
): void {
  const urls = Object.entries(dead).map(([name, { queueUrl }]) => [name, queueUrl] as const);
  fn.addEnvironment(
    'DEAD_LETTERS',
    Stack.of(fn).toJsonString({
      dead: Object.fromEntries(urls),
      ...(deliveries && { deliveries: deliveries.queueUrl }),
    }),
  );
  fn.addToRolePolicy(
    new PolicyStatement({
      actions: [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
      ],
      resources: Object.values(dead).map(({ queueArn }) => queueArn),
    }),
  );
  if (deliveries)
    fn.addToRolePolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deliveries.queueArn] }),
    );
}

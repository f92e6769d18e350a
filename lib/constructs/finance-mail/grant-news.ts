/** Functions with news: events go to the bus, and finance gets mail. */
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { FinanceMail } from './finance-mail.ts';

export function grantNews(fn: LambdaFunction, { bus, mail }: { bus: EventBus; mail: FinanceMail }): void {
  fn.addEnvironment('EVENT_BUS_NAME', bus.eventBusName);
  fn.addToRolePolicy(new PolicyStatement({ actions: ['events:PutEvents'], resources: [bus.eventBusArn] }));
  fn.addEnvironment('FINANCE_TOPIC_ARN', mail.topicArn);
  mail.grantPublish(fn);
}

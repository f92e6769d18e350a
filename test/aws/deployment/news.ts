/** What the bus tells of prices, read from a queue that is subscribed to it. */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { PricesChanged } from '../../../lambdas/core/events/prices-changed.ts';
import { ACCOUNT, CREDENTIALS, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Deployed } from './cdk.ts';

/** The answer tells what came since the last asking, in order. */
export async function newsOf(
  clients: Clients,
  { eventBusName }: Deployed,
): Promise<() => Promise<PricesChanged[]>> {
  const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: 'news' }));
  const bus = new EventBridgeClient({ endpoint: clients.endpoint, region: REGION, credentials: CREDENTIALS });
  const rule = { Name: 'news', EventBusName: eventBusName };
  await bus.send(new PutRuleCommand({ ...rule, EventPattern: '{"detail-type":["PricesChanged"]}' }));
  await bus.send(
    new PutTargetsCommand({
      ...{ Rule: rule.Name, EventBusName: eventBusName },
      Targets: [{ Id: 'queue', Arn: `arn:aws:sqs:${REGION}:${ACCOUNT}:news` }],
    }),
  );
  return async () => {
    const { Messages = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10 }),
    );
    return Messages.map(({ Body }) => (JSON.parse(Body!) as { detail: PricesChanged }).detail);
  };
}

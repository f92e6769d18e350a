/** What the bus tells of one kind, read from a queue that is subscribed to it. */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { ACCOUNT, CREDENTIALS, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Deployed } from './cdk.ts';

const SECONDS = 5;

/** The answer tells what came since the last asking, in order; it waits for so many seconds where nothing has. */
export async function newsOf<T>(
  clients: Clients,
  { eventBusName }: Pick<Deployed, 'eventBusName'>,
  type: string,
): Promise<(seconds?: number) => Promise<T[]>> {
  const name = `news-${type}`;
  const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: name }));
  const bus = new EventBridgeClient({ endpoint: clients.endpoint, region: REGION, credentials: CREDENTIALS });
  const EventPattern = JSON.stringify({ 'detail-type': [type] });
  await bus.send(new PutRuleCommand({ Name: name, EventBusName: eventBusName, EventPattern }));
  await bus.send(
    new PutTargetsCommand({
      ...{ Rule: name, EventBusName: eventBusName },
      Targets: [{ Id: 'queue', Arn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}` }],
    }),
  );
  return async (WaitTimeSeconds = SECONDS) => {
    const { Messages = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds, MaxNumberOfMessages: 10 }),
    );
    for (const { ReceiptHandle } of Messages)
      await clients.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    return Messages.map(({ Body }) => (JSON.parse(Body!) as { detail: T }).detail);
  };
}

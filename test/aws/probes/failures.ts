/** Where an invocation ends that nobody waits for and that fails: in the function's own dead-letter queue. */
import {
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { InvokeCommand, PutFunctionEventInvokeConfigCommand } from '@aws-sdk/client-lambda';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { ACCOUNT, CREDENTIALS, REGION } from '../emulator.ts';
import { scheduleNow } from '../scheduler.ts';
import type { Clients } from './clients.ts';
import { functionOf } from './functions.ts';
import type { Probe } from './probe.ts';

const QUEUED = 'in the queue';
const LOST = 'lost';
/** Schedules are looked at every ten seconds. */
const PATIENCE_SECONDS = 14;

export const failureProbes: Probe[] = [
  {
    id: 'lambda-async-failure',
    aws: QUEUED,
    ask: (clients) =>
      endOf(clients, 'probe-async', async (FunctionName) => {
        await clients.lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event' }));
      }),
  },
  {
    id: 'bus-function-failure',
    aws: QUEUED,
    pin: LOST,
    ask: (clients) => endOf(clients, 'probe-bus', (name) => publishTo(clients, name)),
  },
  {
    id: 'schedule-function-failure',
    aws: QUEUED,
    pin: LOST,
    ask: (clients) => endOf(clients, 'probe-schedule', (name) => scheduleNow(clients, name)),
  },
];

/** What becomes of the first failure of a function that is not tried again. */
async function endOf(
  clients: Clients,
  name: string,
  start: (functionName: string) => Promise<void>,
): Promise<string> {
  const { sqs, lambda } = clients;
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const code = `export const handler = async () => { throw new Error('no'); };`;
  const FunctionName = await functionOf(lambda, name, code);
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      ...{ FunctionName, MaximumRetryAttempts: 0 },
      DestinationConfig: { OnFailure: { Destination: `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}` } },
    }),
  );
  await start(FunctionName);
  const { Messages } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: PATIENCE_SECONDS }),
  );
  return Messages?.length === 1 ? QUEUED : LOST;
}

async function publishTo({ endpoint }: Clients, functionName: string): Promise<void> {
  const bus = new EventBridgeClient({ endpoint, region: REGION, credentials: CREDENTIALS });
  const rule = { Name: functionName };
  await bus.send(new PutRuleCommand({ ...rule, EventPattern: '{"source":["probe"]}' }));
  const Arn = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${functionName}`;
  await bus.send(new PutTargetsCommand({ Rule: functionName, Targets: [{ Id: 'function', Arn }] }));
  await bus.send(new PutEventsCommand({ Entries: [{ Source: 'probe', DetailType: 'Probe', Detail: '{}' }] }));
}

/**
 * One message of the queue is one event for one subscription. What fails stays in the queue, and comes again after a
 * pause that grows; after the last attempt it goes to the dead letters with the reason beside it. Where that fails, SQS
 * moves it there without one.
 */
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { deliverySchema, pauseAfter } from '../core/webhooks/delivery.ts';
import type { Log } from '../runtime/log.ts';
import type { Send } from './send.ts';

/** Makes a message come again after so many seconds. */
export type Delay = (receipt: string, seconds: number) => Promise<void>;

export interface WebhookParts {
  send: Send;
  delay: Delay;
  /** Puts a message to the dead letters. */
  giveUp: (body: string, reason: string) => Promise<void>;
}

/** Each message stands for itself; what a receiver does wrong is no error of the function. */
export function createHandler({ open, log }: { open: () => WebhookParts; log: Log }) {
  let parts: WebhookParts | undefined;
  return async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => {
    parts ??= open();
    const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
    for (const record of Records) {
      if (!(await deliver(parts, record, log))) batchItemFailures.push({ itemIdentifier: record.messageId });
    }
    return { batchItemFailures };
  };
}

/** False where the message is to come again. */
async function deliver(parts: WebhookParts, record: SQSRecord, log: Log): Promise<boolean> {
  const attempts = Number(record.attributes.ApproximateReceiveCount);
  let about: Record<string, unknown> = { messageId: record.messageId, attempts };
  let reason: string;
  try {
    const delivery = deliverySchema.parse(JSON.parse(record.body));
    about = { webhook: delivery.webhook, type: delivery.type, event: delivery.detail.id, attempts };
    const outcome = await parts.send(delivery);
    log({ ...about, ...outcome, kind: `webhook_${outcome.kind}` });
    if (outcome.kind !== 'failed') return true;
    ({ reason } = outcome);
  } catch (error) {
    reason = String(error);
    log({ ...about, kind: 'webhook_failed', reason });
  }
  const pause = pauseAfter(attempts);
  if (pause === undefined) {
    const given = parts.giveUp(record.body, reason).then(() => true);
    return given.catch((error: unknown) => {
      log({ ...about, kind: 'webhook_not_given_up', reason: String(error) });
      return false;
    });
  }
  // Without it the message comes again all the same, after the time that the queue gives each of them.
  await parts
    .delay(record.receiptHandle, pause / 1000)
    .catch((error: unknown) => log({ ...about, kind: 'webhook_not_delayed', reason: String(error) }));
  return false;
}

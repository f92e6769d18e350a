/** Webhooks on Lambda: messages of the queue are posted, and what fails is made to wait in it. */
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { LetterQueue } from '../adapters/sqs/letter-queue.ts';
import { REASON_ATTRIBUTE } from '../core/dead-letters/letter.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput } from '../runtime/log.ts';
import { openSending } from '../runtime/webhook-sending.ts';
import { createHandler, type WebhookParts } from './deliver.ts';
import { createSend } from './send.ts';

/** The policy file's content; the bundler puts it here, so that the code and its policy are deployed as one. */
declare const SPENDCAP_POLICY: unknown;

export const handler = createHandler({ open: openOnAws, log: standardOutput });

function openOnAws(): WebhookParts {
  const { WEBHOOK_SECRET_ARN, QUEUE_URL, DEAD_LETTERS_URL } = readEnvironment(
    { WEBHOOK_SECRET_ARN: text, QUEUE_URL: text, DEAD_LETTERS_URL: text },
    process.env,
  );
  const client = new SQSClient(timeLimits(BACKGROUND_SILENCE_MS_MAX));
  const deadLetters = new LetterQueue(client, DEAD_LETTERS_URL);
  return {
    giveUp: (body, reason) => deadLetters.put(body, { [REASON_ATTRIBUTE]: reason }),
    send: createSend(openSending(parsePolicy(SPENDCAP_POLICY).webhooks, WEBHOOK_SECRET_ARN)),
    delay: async (ReceiptHandle, VisibilityTimeout) => {
      await client.send(
        new ChangeMessageVisibilityCommand({ QueueUrl: QUEUE_URL, ReceiptHandle, VisibilityTimeout }),
      );
    },
  };
}

/** A queue of SQS as whoever looks after it reads it. */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { epochMs } from '../../core/brands.ts';
import type { Letter } from '../../core/dead-letters/letter.ts';

/** The most that SQS hands out at once. */
const LETTERS_AT_ONCE = 10;
/** Longer than whoever reads takes with ten of them. */
const HIDDEN_SECONDS = 60;
/** Asks all of SQS's servers: without waiting, some of them, and a queue of few looks empty. */
const WAIT_SECONDS = 1;

export interface HeldLetter extends Letter {
  receipt: string;
}

export class LetterQueue {
  readonly #client: Pick<SQSClient, 'send'>;
  readonly #url: string;

  constructor(client: Pick<SQSClient, 'send'>, url: string) {
    this.#client = client;
    this.#url = url;
  }

  /** About so many, those that somebody reads included. */
  async count(): Promise<number> {
    const { Attributes } = await this.#client.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: hidden } =
      Attributes ?? {};
    return Number(visible ?? 0) + Number(hidden ?? 0);
  }

  /** Up to ten of them, nobody else's for a minute. */
  async take(): Promise<HeldLetter[]> {
    const { Messages = [] } = await this.#client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: LETTERS_AT_ONCE,
        WaitTimeSeconds: WAIT_SECONDS,
        VisibilityTimeout: HIDDEN_SECONDS,
        MessageSystemAttributeNames: ['SentTimestamp'],
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages.map(letterOf);
  }

  /** What is not handed back comes back by itself. */
  async handBack(letters: readonly HeldLetter[]): Promise<void> {
    for (let first = 0; first < letters.length; first += LETTERS_AT_ONCE) {
      const some = letters.slice(first, first + LETTERS_AT_ONCE);
      await this.#client.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: this.#url,
          Entries: some.map(({ receipt }, index) => ({
            ...{ Id: String(index), ReceiptHandle: receipt, VisibilityTimeout: 0 },
          })),
        }),
      );
    }
  }

  async remove({ receipt }: HeldLetter): Promise<void> {
    await this.#client.send(new DeleteMessageCommand({ QueueUrl: this.#url, ReceiptHandle: receipt }));
  }

  async put(body: string, attributes: Record<string, string> = {}): Promise<void> {
    const texts = Object.entries(attributes).map(
      ([name, StringValue]) => [name, { DataType: 'String', StringValue }] as const,
    );
    await this.#client.send(
      new SendMessageCommand({
        ...{ QueueUrl: this.#url, MessageBody: body },
        MessageAttributes: Object.fromEntries(texts),
      }),
    );
  }
}

const letterOf = ({ Body, ReceiptHandle, Attributes, MessageAttributes }: Message): HeldLetter => ({
  body: Body ?? '',
  receipt: ReceiptHandle ?? '',
  sentAt: epochMs(Number(Attributes?.SentTimestamp ?? 0)),
  attributes: Object.fromEntries(
    Object.entries(MessageAttributes ?? {}).map(([name, { StringValue = '' }]) => [name, StringValue]),
  ),
});

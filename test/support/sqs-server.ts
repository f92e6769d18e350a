/**
 * SQS on loopback, as far as whoever reads a queue meets it: messages are hidden when they are handed out, for as long as
 * was asked for, and gone when they are deleted by the receipt of that. Leaves out: time, so what is hidden comes back
 * when it is handed back; and approximation, so counts are exact.
 */
import { createHash } from 'node:crypto';
import { SQSClient } from '@aws-sdk/client-sqs';
import { httpServer } from './socket-servers.ts';

interface Message {
  MessageId: string;
  Body: string;
  Attributes: { SentTimestamp: string };
  MessageAttributes: Record<string, { DataType: string; StringValue: string }>;
  /** Of the last time that it was handed out; undefined while anybody may have it. */
  receipt: string | undefined;
}

interface Input {
  QueueUrl: string;
  MaxNumberOfMessages?: number;
  ReceiptHandle?: string;
  Entries?: { Id: string; ReceiptHandle: string }[];
  MessageBody?: string;
  MessageAttributes?: Message['MessageAttributes'];
}

export interface SqsServer {
  client: SQSClient;
  /** Makes the queue where there is none. */
  urlOf(queue: string): string;
  send(queue: string, body: string, given?: { sentAt?: number; attributes?: Record<string, string> }): void;
  bodies(queue: string): string[];
  /** Nobody holds any. */
  isAtRest(queue: string): boolean;
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

export async function startSqs(now: () => number): Promise<SqsServer> {
  const queues = new Map<string, Message[]>();
  let handedOut = 0;
  const put = (queue: string, Body: string, sentAt: number, attributes: Message['MessageAttributes']) => {
    const messages = queues.get(queue) ?? [];
    queues.set(queue, messages);
    handedOut += 1;
    const SentTimestamp = String(sentAt);
    messages.push({
      ...{ MessageId: `message-${handedOut}`, Body, Attributes: { SentTimestamp } },
      ...{ MessageAttributes: attributes, receipt: undefined },
    });
  };
  const operations: Record<string, (queue: string, input: Input) => object> = {
    GetQueueAttributes: (queue) => {
      const messages = queues.get(queue)!;
      const visible = messages.filter(({ receipt }) => receipt === undefined).length;
      return {
        Attributes: {
          ApproximateNumberOfMessages: String(visible),
          ApproximateNumberOfMessagesNotVisible: String(messages.length - visible),
        },
      };
    },
    ReceiveMessage: (queue, { MaxNumberOfMessages = 1 }) => {
      const some = queues
        .get(queue)!
        .filter(({ receipt }) => receipt === undefined)
        .slice(0, MaxNumberOfMessages);
      for (const message of some) message.receipt = `receipt-${(handedOut += 1)}`;
      return {
        Messages: some.map(({ receipt, ...message }) => ({
          ...{ ...message, ReceiptHandle: receipt, MD5OfBody: md5(message.Body) },
        })),
      };
    },
    DeleteMessage: (queue, { ReceiptHandle }) => {
      queues.set(
        queue,
        queues.get(queue)!.filter(({ receipt }) => receipt !== ReceiptHandle),
      );
      return {};
    },
    ChangeMessageVisibilityBatch: (queue, { Entries = [] }) => {
      for (const { ReceiptHandle } of Entries)
        queues.get(queue)!.find(({ receipt }) => receipt === ReceiptHandle)!.receipt = undefined;
      return { Successful: Entries.map(({ Id }) => ({ Id })), Failed: [] };
    },
    SendMessage: (queue, { MessageBody = '', MessageAttributes = {} }) => {
      put(queue, MessageBody, now(), MessageAttributes);
      return { MessageId: `message-${handedOut}`, MD5OfMessageBody: md5(MessageBody) };
    },
  };
  const { origin } = await httpServer((request, response, body) => {
    const name = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
    const input = JSON.parse(body) as Input;
    const answer = operations[name]!(queueOf(input.QueueUrl), input);
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(answer));
  });
  const queueOf = (url: string): string => url.split('/').at(-1)!;
  return {
    client: new SQSClient({
      ...{ endpoint: origin, region: 'us-east-1' },
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    }),
    urlOf: (queue) => {
      if (!queues.has(queue)) queues.set(queue, []);
      return `${origin}/000000000000/${queue}`;
    },
    send: (queue, body, { sentAt = now(), attributes = {} } = {}) =>
      put(
        queue,
        body,
        sentAt,
        Object.fromEntries(
          Object.entries(attributes).map(([name, StringValue]) => [
            name,
            { DataType: 'String', StringValue },
          ]),
        ),
      ),
    bodies: (queue) => (queues.get(queue) ?? []).map(({ Body }) => Body),
    isAtRest: (queue) => (queues.get(queue) ?? []).every(({ receipt }) => receipt === undefined),
  };
}

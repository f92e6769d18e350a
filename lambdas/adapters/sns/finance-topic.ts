/** Mail to finance by the topic that the ladder mails by, too. */
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { FinanceMail, Mail } from '../../core/ports.ts';

export class FinanceTopic implements FinanceMail {
  readonly #client: Pick<SNSClient, 'send'>;
  readonly #topicArn: string;

  constructor({ client, topicArn }: { client: Pick<SNSClient, 'send'>; topicArn: string }) {
    this.#client = client;
    this.#topicArn = topicArn;
  }

  async send({ subject, text }: Mail): Promise<void> {
    await this.#client.send(
      new PublishCommand({ TopicArn: this.#topicArn, Subject: subject, Message: text }),
    );
  }
}

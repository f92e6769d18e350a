/** Mail to finance over the official client and SNS's own protocol, at a peer that refuses what SNS refuses. */
import { SNSClient } from '@aws-sdk/client-sns';
import { expect, it } from 'vitest';
import { timeLimits } from '../../lambdas/adapters/aws-time-limits.ts';
import { FinanceTopic } from '../../lambdas/adapters/sns/finance-topic.ts';
import { usd } from '../../lambdas/core/money.ts';
import { priceMail } from '../../lambdas/core/price-changes/mail.ts';
import { testCard } from '../core/pricing/cards-for-tests.ts';
import { httpServer } from '../support/socket-servers.ts';

const TOPIC = 'arn:aws:sns:us-east-1:000000000000:finance';
const SUBJECT_CHARACTERS_MAX = 99;
const MESSAGE_BYTES_MAX = 262_144;

interface Refusal {
  status: number;
  code: string;
}
const SILENCE = 'silence';

/** Answers as SNS does; each fault takes one request. */
async function sns(faults: (Refusal | typeof SILENCE)[] = []) {
  const published: Record<string, string>[] = [];
  const { origin, requests } = await httpServer((_request, response, body) => {
    const fault = faults.shift();
    if (fault === SILENCE) return;
    const form = Object.fromEntries(new URLSearchParams(body));
    const refusal = fault ?? refusalOf(form);
    if (!refusal) published.push(form);
    response.writeHead(refusal?.status ?? 200, { 'content-type': 'text/xml' });
    response.end(refusal ? errorXml(refusal) : PUBLISHED_XML);
  });
  const client = new SNSClient({
    ...{ endpoint: origin, region: 'us-east-1', maxAttempts: 3 },
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    ...timeLimits(200),
  });
  return { topic: new FinanceTopic({ client, topicArn: TOPIC }), published, requests };
}

function refusalOf({
  Action,
  TopicArn,
  Subject = '',
  Message = '',
}: Record<string, string>): Refusal | undefined {
  if (Action !== 'Publish') return { status: 400, code: 'InvalidAction' };
  if (TopicArn !== TOPIC) return NO_TOPIC;
  const isSubject = /^[\x20-\x7e]+$/.test(Subject) && Subject.length <= SUBJECT_CHARACTERS_MAX;
  const isMessage = Message !== '' && Buffer.byteLength(Message) <= MESSAGE_BYTES_MAX;
  return isSubject && isMessage ? undefined : { status: 400, code: 'InvalidParameter' };
}

const NO_TOPIC: Refusal = { status: 404, code: 'NotFound' };
const NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/';
const PUBLISHED_XML = `<PublishResponse xmlns="${NAMESPACE}"><PublishResult>
  <MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult>
  <ResponseMetadata><RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ResponseMetadata></PublishResponse>`;
const errorXml = ({ code }: Refusal): string =>
  `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>${code}</Code>
    <Message>${code}</Message></Error><RequestId>9dd01905-5012-5f99-8663-4b3ecd0dfaef</RequestId></ErrorResponse>`;

const MAIL = { id: 'm', subject: 'Spendcap: a price changed', text: 'Größe € und\nzwei Zeilen' };

it('publishes the mail, its text as it is', async () => {
  const { topic, published } = await sns();
  await topic.send(MAIL);
  expect(published).toMatchObject([{ TopicArn: TOPIC, Subject: MAIL.subject, Message: MAIL.text }]);
});

it('the mail of changed prices is one that SNS takes, whatever models are called', async () => {
  const { topic, published } = await sns();
  const card = (rate: string) =>
    testCard({ model: `modell-größe-${'x'.repeat(150)}`, rates: { input: rate, output: '8' } });
  const change = {
    ...{ old: card('2'), next: card('3') },
    acceptance: { by: 'person' as const, families: ['litellm'] },
    effect: { calls: 1, spent: usd('999999999'), difference: usd('999999999') },
  };
  await topic.send({ id: 'one', ...priceMail([change], true) });
  await topic.send({
    id: 'many',
    ...priceMail(
      Array.from({ length: 300 }, () => change),
      false,
    ),
  });
  expect(published).toHaveLength(2);
});

it('comes again after an answer that asks for it', async () => {
  const { topic, published, requests } = await sns([
    { status: 400, code: 'Throttling' },
    { status: 500, code: 'InternalError' },
  ]);
  await topic.send(MAIL);
  expect(published).toHaveLength(1);
  expect(requests).toHaveLength(3);
});

it.each([
  ['a topic that is gone', NO_TOPIC],
  ['a role that may not publish', { status: 403, code: 'AuthorizationError' }],
])('throws for %s, once, so that the next refresh tells', async (_, refusal) => {
  const { topic, requests } = await sns([refusal]);
  const named = expect.stringContaining(refusal.code) as unknown;
  await expect(topic.send(MAIL)).rejects.toMatchObject({ name: named });
  expect(requests).toHaveLength(1);
});

it('throws where SNS stays silent', async () => {
  const { topic, published } = await sns([SILENCE, SILENCE, SILENCE]);
  await expect(topic.send(MAIL)).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(published).toEqual([]);
});

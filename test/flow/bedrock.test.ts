/**
 * Converse through the nine steps, to the byte: us.anthropic.claude-haiku-4-5 at $1.10 in and $5.50 out a million
 * tokens, with 1,024 hidden tokens in; input is held at a token a byte.
 */
import { describe, expect, it } from 'vitest';
import {
  awsEventStream,
  encodeMessage,
  EVENT_STREAM,
} from '../../lambdas/adapters/providers/bedrock/event-stream.ts';
import { openGateway, userCap } from '../support/gateways.ts';
import { noAnswer, notSent, plain, type Script } from '../support/scripted-upstream.ts';

const ID = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const path = (operation = 'converse', id = encodeURIComponent(ID)) => `/model/${id}/${operation}`;
/** 100 bytes: (100 + 1,024) x $1.10 + 1,000 x $5.50 a million. */
const BODY =
  '{"messages":[{"role":"user","content":[{"text":"Say hi."}]}],  "inferenceConfig":{"maxTokens":1000}}';
const HOLD = '0.0067364';
const ANSWER =
  '{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"usage":{"inputTokens":10,"outputTokens":5},"odd":1.0}';
const COST = '0.0000385';

const usage = { inputTokens: 10, outputTokens: 5 };
const FRAMES: [string, string][] = [
  ['event/messageStart', '{"role":"assistant","p":"abcde"}'],
  ['event/contentBlockDelta', '{"contentBlockIndex":0,"delta":{"text":"Hi"},"odd":1.0}'],
  ['event/messageStop', '{"stopReason":"end_turn"}'],
  ['event/metadata', `{"usage":${JSON.stringify(usage)},"metrics":{"latencyMs":1},"odd":1.0}`],
];
const encoded = (frames: readonly [string, string][]) =>
  Buffer.concat(frames.map(([name, data]) => encodeMessage(name, data)));
const streamed =
  (bytes: Uint8Array): Script =>
  () => ({
    kind: 'answered',
    response: new Response(new Uint8Array(bytes), { headers: { 'content-type': EVENT_STREAM } }),
  });

/** What a client reads of a stream, and its bytes. */
async function read(response: Response) {
  const bytes = Buffer.from(await response.arrayBuffer());
  const frames = awsEventStream.decoder()(bytes);
  const events = frames.flatMap((frame) => (frame.kind === 'event' ? [frame.event] : []));
  return { bytes, events: events.map(({ event, data }) => [event!, data] as const) };
}

describe('converse', () => {
  it.each([
    ['as the SDK writes it', encodeURIComponent(ID)],
    ['as a front door may have decoded it', ID],
  ])('with an id %s', async (_, id) => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(ANSWER));
    const response = await gateway.call(path('converse', id), BODY);
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(HOLD);
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(COST);
    expect(response.headers.get('x-spendcap-model')).toBe(ID);
    const details = `"cost_details": {"input":"0.000011","output":"0.0000275","cache_read":"0.00","cache_write":"0.00","fees":"0.00"}`;
    expect(await response.text()).toBe(
      ANSWER.replace('"outputTokens":5}', `"outputTokens":5,"cost": "${COST}",${details}}`),
    );
    expect(await gateway.viewOf(response)).toMatchObject({
      charge: { dialect: 'bedrock-converse', outcome: 'settled', cost_usd: COST, model: ID },
    });
  });

  it('tells AWS the id of its hold, and nothing of its caller', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(ANSWER));
    const response = await gateway.call(path(), BODY);
    const hold = response.headers.get('x-spendcap-request-id')!.slice('req_'.length);
    const [sent] = gateway.upstream.sent;
    expect(sent).toMatchObject({ provider: 'bedrock', path: path() });
    expect(sent!.body).toBe(BODY.replace(/}$/, `,"requestMetadata": {"spendcap-hold":"${hold}"}}`));
    expect(sent!.headers).toEqual([['content-type', 'application/json']]);
  });

  it('names the hold of the try that was charged, where an idempotency key is used again', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain('{}', { status: 500 }), plain(ANSWER));
    const holds: string[] = [];
    for (let i = 0; i < 2; i += 1) {
      await gateway.call(path(), BODY, { 'idempotency-key': 'again' });
      const { requestMetadata } = JSON.parse(gateway.upstream.sent[i]!.body!) as {
        requestMetadata: Record<string, string>;
      };
      holds.push(requestMetadata['spendcap-hold']!);
    }
    expect(holds[1]).toBe(`${holds[0]}.1`);
  });

  it.each([
    ['is not reached', notSent, 502, 'ServiceUnavailableException', 'voided', '0.00'],
    ['does not answer', noAnswer, 424, 'ModelErrorException', 'presumed_spent', HOLD],
  ] as const)(
    'a provider that %s: its exception',
    async (_, script, status, exception, outcome, cost_usd) => {
      const gateway = await openGateway();
      gateway.upstream.next(script);
      const response = await gateway.call(path(), BODY);
      expect(response.status).toBe(status);
      expect(response.headers.get('x-amzn-errortype')).toBe(exception);
      expect((await gateway.viewOf(response)).charge).toMatchObject({ outcome, cost_usd });
    },
  );

  it('at a tier that the card prices is charged by it; at another it is refused', async () => {
    const gateway = await openGateway();
    const nova = path('converse', encodeURIComponent('us.amazon.nova-pro-v1:0'));
    const tiered = (type: string) => BODY.replace(/}$/, `,"serviceTier":{"type":"${type}"}}`);
    gateway.upstream.next(plain(ANSWER.replace('"odd"', '"serviceTier":{"type":"priority"},"odd"')));
    const response = await gateway.call(nova, tiered('priority'));
    // (10 x $0.80 + 5 x $3.20) x 1.75
    expect(response.headers.get('x-spendcap-cost-usd')).toBe('0.000042');
    const refused = await gateway.call(nova, tiered('reserved'));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ message: expect.stringContaining('no price') as string });
  });
});

describe('converse-stream', () => {
  it('goes by as it came, with the cost inside the last usage', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed(encoded(FRAMES)));
    const response = await gateway.call(path('converse-stream'), BODY);
    expect(response.headers.get('content-type')).toBe(EVENT_STREAM);
    const { bytes, events } = await read(response);
    const untouched = encoded(FRAMES.slice(0, -1));
    expect(bytes.subarray(0, untouched.length).equals(untouched)).toBe(true);
    expect(events.slice(0, -1)).toEqual(FRAMES.slice(0, -1));
    const [name, data] = events.at(-1)!;
    expect(name).toBe('event/metadata');
    expect(JSON.parse(data)).toMatchObject({
      usage: { ...usage, cost: COST, cost_details: { input: '0.000011', output: '0.0000275' } },
    });
    expect(data.replace(/,"cost".*"fees":"0\.00"\}/, '')).toBe(FRAMES.at(-1)![1]);
    expect((await gateway.viewOf(response)).charge).toMatchObject({ outcome: 'settled', cost_usd: COST });
  });

  it.each([
    ['ends early', () => encoded(FRAMES.slice(0, 3)), /ended early/],
    ['ends within a message', () => encoded(FRAMES).subarray(0, -3), /ended early/],
    ['breaks a checksum', () => Buffer.concat([encoded(FRAMES.slice(0, 1)), corrupt()]), /checksum/],
  ])('that %s ends with an exception, at the hold', async (_, bytes, reason) => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed(bytes()));
    const response = await gateway.call(path('converse-stream'), BODY);
    const { events } = await read(response);
    await gateway.settled();
    const [name, data] = events.at(-1)!;
    expect(name).toBe('exception/validationException');
    expect(JSON.parse(data)).toMatchObject({ message: expect.stringMatching(/broke off/) as string });
    const { charge } = await gateway.viewOf(response);
    expect(charge).toMatchObject({ outcome: 'presumed_spent', cost_usd: HOLD });
    expect(charge!['reason']).toMatch(reason);
  });

  it("the provider's own exception is the last that its client sees", async () => {
    const gateway = await openGateway();
    const failed: [string, string] = ['exception/throttlingException', '{"message":"No."}'];
    gateway.upstream.next(streamed(encoded([...FRAMES.slice(0, 2), failed])));
    const response = await gateway.call(path('converse-stream'), BODY);
    expect((await read(response)).events).toEqual([...FRAMES.slice(0, 2), failed]);
    await gateway.settled();
    expect((await gateway.viewOf(response)).charge).toMatchObject({ outcome: 'presumed_spent' });
  });

  it('is given again, byte for byte, where answers are stored', async () => {
    const policy = { apps: [{ id: 'web', team: 'growth', storeAnswers: { retentionHours: 1 } }] };
    const gateway = await openGateway({ policy });
    gateway.upstream.next(streamed(encoded(FRAMES)));
    const once = async () => {
      const response = await gateway.call(path('converse-stream'), BODY, { 'idempotency-key': 'k' });
      const bytes = Buffer.from(await response.arrayBuffer());
      await gateway.settled();
      return { bytes, replayed: response.headers.get('x-spendcap-replayed') };
    };
    const first = await once();
    expect(await once()).toEqual({ bytes: first.bytes, replayed: 'true' });
    expect(gateway.upstream.sent).toHaveLength(1);
  });
});

describe('refusals', () => {
  it('carry the exception where clients look for it, and the limit beside the message', async () => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap('0.00001') } });
    const response = await gateway.call(path(), BODY);
    expect(response.status).toBe(402);
    expect(response.headers.get('x-amzn-errortype')).toBe('ServiceQuotaExceededException');
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^req_/);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await response.json()).toEqual({
      message: expect.stringContaining('is too small') as string,
      limit: expect.objectContaining({ reason: 'too_large', cap: 'alice-life' }) as object,
    });
  });

  it('of a model without a price name no list that has none of Bedrock', async () => {
    const gateway = await openGateway();
    const response = await gateway.call(path('converse', 'amazon.unheard-of'), BODY);
    expect([response.status, await response.json()]).toEqual([
      400,
      {
        message:
          'The model "amazon.unheard-of" has no price here, so its calls cannot be capped; names must be exact, and an operator can set a price.',
      },
    ]);
  });

  it('say that the ledger is away: 503, and soon again', async () => {
    const gateway = await openGateway();
    await gateway.call(path(), '{}');
    gateway.setTableDown(true);
    const response = await gateway.call(path(), BODY);
    expect(response.status).toBe(503);
    expect(response.headers.get('x-amzn-errortype')).toBe('ServiceUnavailableException');
    expect(response.headers.get('retry-after')).toBe('1');
  });

  it.each([
    ['POST', `/model/${ID}/invoke`],
    ['POST', `/model/${ID}/invoke-with-response-stream`],
    ['POST', `/model/${ID}/count-tokens`],
    ['GET', `/model/${ID}/converse`],
    ['GET', '/inference-profiles'],
    ['POST', '/v1/model/x/invoke'],
  ])('%s %s is not metered, in the words of AWS', async (method, at) => {
    const gateway = await openGateway();
    const response = await gateway.request(method, at, undefined);
    expect(response.status).toBe(404);
    expect(response.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException');
    expect(gateway.upstream.sent).toEqual([]);
  });

  it.each(['a%2Fb', 'a/b', '..%2f..', '%2e%2e', 'x%00', 'arn:aws:bedrock:us-east-1:1:prompt/p'])(
    'of the id %s reach nobody',
    async (id) => {
      const gateway = await openGateway();
      const response = await gateway.call(path('converse', id), BODY);
      expect([400, 404]).toContain(response.status);
      expect(gateway.upstream.sent).toEqual([]);
    },
  );
});

function corrupt(): Buffer {
  const bytes = encoded(FRAMES.slice(1, 2));
  bytes[bytes.length - 1]! ^= 1;
  return bytes;
}

/** What leaves the proxy function for API Gateway, in every ending, and what stands in the books by then. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awsEventStream, EVENT_STREAM } from '../../lambdas/adapters/providers/bedrock/event-stream.ts';
import { durationMs } from '../../lambdas/core/brands.ts';
import { installAwsLambda, takeApart } from '../support/awslambda-shim.ts';
import { contextOf, invoke, openLambdaWorld, restEvent, type LambdaWorld } from './lambda-world.ts';
import { differences, requestIdOf, RUNTIME_FACTS, WIRE_FACTS, type WireFact } from './wire-facts.ts';

installAwsLambda();
const { createHandler } = await import('../../lambdas/proxy/streaming-handler.ts');

let world: LambdaWorld;
let hasty: LambdaWorld;
const lines: Record<string, unknown>[] = [];
const log = (line: Record<string, unknown>): void => void lines.push(line);
beforeAll(async () => {
  world = await openLambdaWorld();
  const soon = durationMs(100);
  hasty = await openLambdaWorld({ streamKeepAlive: soon, plainKeepAlive: soon });
});
afterAll(async () => {
  await Promise.all([world.close(), hasty.close()]);
});

const BARE_HANDLER = new URL('./bare-handler.mjs', import.meta.url).href;
const IMPATIENT = new Set(['short deadline', 'client stops reading']);

const worldOf = ({ given }: WireFact): LambdaWorld => (given === 'short keep-alive' ? hasty : world);

function handlerOf(fact: WireFact) {
  const gateway = () => {
    if (fact.given === 'broken environment') throw new Error('TABLE_NAME is missing');
    return worldOf(fact).gateway;
  };
  return createHandler({ gateway, log });
}

async function run(fact: WireFact) {
  const headers = {
    authorization: `Bearer ${worldOf(fact).key}`,
    'content-type': 'application/json',
    ...fact.headers,
  };
  const event = restEvent({ path: fact.path, headers, body: JSON.stringify(fact.body) });
  const context = contextOf(IMPATIENT.has(fact.given ?? '') ? 1500 : 900_000);
  const { wire, ended } = invoke(handlerOf(fact), event, context);
  if (fact.given === 'client stops reading') wire.stall();
  if (fact.given === 'client leaves') {
    await wire.hasPieces(1);
    wire.cut();
  }
  return { wire, ended: await ended };
}

/** The charge that stands at this very moment, without waiting. */
async function chargeNow(fact: WireFact, requestId: string): Promise<string | undefined> {
  const handler = createHandler({ gateway: () => worldOf(fact).gateway, log });
  const headers = { authorization: `Bearer ${worldOf(fact).key}` };
  const { wire, ended } = invoke(
    handler,
    restEvent({ method: 'GET', path: `/v1/requests/${requestId}`, headers }),
  );
  await ended;
  const { charge } = JSON.parse(takeApart(wire.bytes()).body) as { charge?: { outcome: string } | null };
  return charge?.outcome;
}

it('says in a refusal where to ask: the address that the call came to', async () => {
  const at = { domainName: 'llm.example.com', path: '/v1/chat/completions' };
  const headers = { authorization: `Bearer ${world.key}`, 'x-spendcap-clamp': 'never' };
  const body = JSON.stringify({
    ...{ model: 'gpt-4.1', n: 128, max_completion_tokens: 32_768 },
    messages: [{ role: 'user', content: 'Hello' }],
  });
  const handler = createHandler({ gateway: () => world.gateway, log });
  const { wire, ended } = invoke(handler, restEvent({ path: at.path, headers, body, at }));
  await ended;
  const { error } = JSON.parse(takeApart(wire.bytes()).body) as {
    error: { message: string; limit: { request_url: string } };
  };
  expect(error.limit.request_url).toBe('https://llm.example.com/v1/grants');
  expect(error.message).toContain('; ask for more at https://llm.example.com/v1/grants.');
});

describe('on the wire', () => {
  it.each(WIRE_FACTS)('$name', async (fact) => {
    const { wire, ended: ends } = await run(fact);
    const { contentType } = wire;
    const bytes = wire.bytes();
    const charge = await chargeNow(fact, requestIdOf(bytes));
    expect(differences(fact, { contentType, bytes, pieces: wire.pieces.length, ends, charge })).toEqual([]);
  });

  it.each(RUNTIME_FACTS)('a handler that does: $does', async ({ does, contentType, bytesSeen, ends }) => {
    const { handler } = (await import(BARE_HANDLER)) as { handler: unknown };
    const { wire, ended } = invoke(handler, { does });
    expect(await ended).toBe(ends);
    expect([wire.contentType, wire.bytes().toString()]).toEqual([contentType, bytesSeen]);
  });

  it('sends the pieces of a stream as they come', async () => {
    const fact = WIRE_FACTS.find(({ piecesMin }) => piecesMin >= 4)!;
    const { wire } = await run(fact);
    const times = wire.pieces.map(({ atMs }) => atMs);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(80);
  });

  it('answers an event that is no call with nothing', async () => {
    const { wire, ended } = invoke(createHandler({ gateway: () => world.gateway, log }), { Records: [] });
    expect(await ended).toBe('clean');
    expect(wire.bytes()).toHaveLength(0);
  });

  it('leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    await run(WIRE_FACTS[0]!);
    const before = timers();
    await run(WIRE_FACTS[0]!);
    expect(timers()).toBeLessThanOrEqual(before);
  });
});

describe('Bedrock', () => {
  const MODEL = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
  const facts = (operation: string): WireFact => ({
    ...WIRE_FACTS[0]!,
    path: `/model/${MODEL}/${operation}`,
    body: { messages: [{ role: 'user', content: [{ text: 'Hi [[sim input=10 output=5]]' }] }] },
  });

  it('streams its own framing to the byte, its model as the front door has decoded it', async () => {
    const { wire, ended } = await run(facts('converse-stream'));
    expect(ended).toBe('clean');
    const bytes = wire.bytes();
    const { prelude } = takeApart(bytes);
    expect(prelude).toMatchObject({ statusCode: 200, headers: { 'content-type': EVENT_STREAM } });
    const frames = awsEventStream.decoder()(bytes.subarray(bytes.indexOf(Buffer.alloc(8)) + 8));
    const events = frames.map((frame) => (frame.kind === 'event' ? frame.event : undefined));
    expect(events.at(-1)).toMatchObject({
      event: 'event/metadata',
      data: expect.stringContaining('"cost": "0.0000385"') as string,
    });
  });

  it('is told of a failure of ours by an exception that no SDK repeats', async () => {
    const { wire } = await run({ ...facts('converse'), given: 'broken environment' });
    const { prelude, body } = takeApart(wire.bytes());
    expect(prelude).toMatchObject({
      statusCode: 424,
      headers: { 'x-amzn-errortype': 'ModelErrorException', 'x-should-retry': 'false' },
    });
    expect(JSON.parse(body)).toEqual({ message: expect.stringContaining('Spendcap failed') as string });
  });
});

describe('the log', () => {
  it('has one line a call, with what it was and cost, and nothing of its text or keys', async () => {
    lines.length = 0;
    const fact: WireFact = { ...WIRE_FACTS[0]!, body: { ...WIRE_FACTS[0]!.body, user: 'secret-word' } };
    await run(fact);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      kind: 'call',
      method: 'POST',
      path: '/v1/chat/completions',
      status: 200,
      ending: 'whole',
      model: 'gpt-5-mini',
      Calls: 1,
      ServerErrors: 0,
      Service: 'proxy',
    });
    const said = JSON.stringify(lines);
    for (const secret of ['secret-word', 'Hello', world.key, 'alice"', 'provider-key']) {
      expect(said).not.toContain(secret);
    }
  });

  it('tells of a failure of ours, beside the line of the call', async () => {
    lines.length = 0;
    await run(WIRE_FACTS.find(({ given }) => given === 'broken environment')!);
    expect(lines.map(({ kind }) => kind)).toEqual(['failed', 'call']);
    expect(lines[0]).toMatchObject({ reason: 'Error: TABLE_NAME is missing', Failures: 1 });
  });

  it('has no metric with a dimension but the service', async () => {
    lines.length = 0;
    await run(WIRE_FACTS[0]!);
    const { CloudWatchMetrics } = lines[0]!['_aws'] as { CloudWatchMetrics: { Dimensions: string[][] }[] };
    expect(CloudWatchMetrics.map(({ Dimensions }) => Dimensions)).toEqual([[['Service']]]);
  });
});

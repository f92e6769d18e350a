/** What the Anthropic SDKs get from an admitted call: the provider's answer, its cost, and the headers of contract 4. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { BROKEN_STREAMS, PROVIDER_ERRORS, UNANSWERED, UNREADABLE_USAGE } from './endings.ts';
import { ANTHROPIC_MAJORS, type Anthropic } from './majors.ts';
import { COST, PROMPT, TEXT } from './refusals.ts';

let spendcap: LocalSpendcap;
let caller: Caller;
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());
beforeEach(async () => {
  caller = await spendcap.newCaller([{ limit: '5.00' }]);
  spendcap.provider.forget();
});

const model = 'claude-haiku-4-5';
const callOf = (prompt: string) => ({
  model,
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: prompt }],
});
const call = callOf(PROMPT);
const USAGE = {
  input_tokens: 10,
  output_tokens: 5,
  cost: COST.anthropic,
  cost_details: {
    input: '0.00001',
    output: '0.000025',
    cache_read: '0.00',
    cache_write: '0.00',
    fees: '0.00',
  },
};

function expectHeaders({ headers }: Response, told: Record<string, string | null>): void {
  expect(headers.get('x-spendcap-request-id')).toMatch(/^req_\w+$/);
  expect(headers.get('x-spendcap-reserved-usd')).toMatch(/^0\.\d+$/);
  const expected = {
    'x-spendcap-price-version': expect.stringMatching(/^anthropic\/claude-haiku-4-5@/) as string,
    'x-spendcap-model': model,
    'x-spendcap-cap': `${caller.user}-0`,
    'x-spendcap-cap-metric': 'usd',
    'x-spendcap-cap-limit': '5.00',
    'x-spendcap-stage': 'normal',
    'anthropic-ratelimit-unified-status': 'allowed',
    'anthropic-ratelimit-unified-overage-utilization': '0.00',
    'anthropic-ratelimit-unified-representative-claim': 'overage',
    'anthropic-ratelimit-requests-remaining': null,
    'anthropic-organization-id': null,
    'set-cookie': null,
    ...told,
  };
  for (const [name, value] of Object.entries(expected))
    expect([name, headers.get(name)]).toEqual([name, value]);
}

async function expectSettled(response: Response): Promise<void> {
  const charge = await caller.chargeOf(response.headers.get('x-spendcap-request-id')!);
  expect(charge).toMatchObject({ outcome: 'settled', cost_usd: COST.anthropic, user: caller.user });
  expect(charge.reserved_usd).toBe(response.headers.get('x-spendcap-reserved-usd'));
  expect(caller.arrivals()).toHaveLength(1);
  expect(spendcap.provider.requests()).toHaveLength(1);
}

async function expectPresumed(): Promise<void> {
  const charge = await caller.onlyCharge();
  expect(charge.outcome).toBe('presumed_spent');
  expect(charge.cost_usd).toBe(charge.reserved_usd);
  expect(caller.arrivals()).toHaveLength(1);
}

describe.each(ANTHROPIC_MAJORS)('$sdk', ({ Anthropic }) => {
  const clientOf = (options: { path?: string; maxRetries?: number } = {}): Anthropic => {
    const { path = '', ...more } = options;
    return new Anthropic({ baseURL: `${spendcap.url}${path}`, apiKey: caller.key, ...more });
  };
  const failureOf = (sent: Promise<unknown>) =>
    sent.then(
      () => expect.unreachable('a clean end'),
      (error: unknown) => error as InstanceType<typeof Anthropic.APIError>,
    );

  it.each(['', '/v1'])('messages, with the base URL "%s"', async (path) => {
    const { data, response } = await clientOf({ path }).messages.create(call).withResponse();
    expect(data).toMatchObject({ content: [{ type: 'text', text: TEXT }], stop_reason: 'end_turn' });
    expect(data.usage).toMatchObject(USAGE);
    expectHeaders(response, {
      'x-spendcap-cost-usd': COST.anthropic,
      'x-spendcap-cap-remaining': '4.999965',
    });
    await expectSettled(response);
  });

  it('messages, by asResponse()', async () => {
    const response = await clientOf().messages.create(call).asResponse();
    expect(((await response.json()) as { usage: object }).usage).toMatchObject(USAGE);
    await expectSettled(response);
  });

  it('messages, streamed', async () => {
    const { data, response } = await clientOf()
      .messages.create({ ...call, stream: true })
      .withResponse();
    const events = [];
    for await (const event of data) events.push(event);
    const deltas = events.flatMap((event) =>
      event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : [],
    );
    expect(deltas.join('')).toBe(TEXT);
    expect(events.find(({ type }) => type === 'message_delta')).toMatchObject({
      usage: { output_tokens: 5, cost: USAGE.cost, cost_details: USAGE.cost_details },
    });
    expect(events.at(-1)!.type).toBe('message_stop');
    expectHeaders(response, { 'x-spendcap-cost-usd': null });
    await expectSettled(response);
  });

  it('messages.stream().finalMessage()', async () => {
    const stream = clientOf().messages.stream(call);
    const message = await stream.finalMessage();
    expect(message).toMatchObject({ content: [{ type: 'text', text: TEXT }], stop_reason: 'end_turn' });
    expect(message.usage).toMatchObject({ input_tokens: 10, output_tokens: 5 });
    await expectSettled(stream.response!);
  });

  it.each([false, true])('messages with a tool, streamed: %s', async (streamed) => {
    const tools = [{ name: 'note', input_schema: { type: 'object' as const } }];
    const asked = { ...callOf('Use it. [[sim input=10 output=8 tool]]'), tools };
    const { content, stop_reason: reason } = streamed
      ? await clientOf().messages.stream(asked).finalMessage()
      : await clientOf().messages.create(asked);
    expect(content).toMatchObject([
      { type: 'tool_use', name: 'note', input: { text: 'This answer comes fro' } },
    ]);
    expect(reason).toBe('tool_use');
  });

  it('a system prompt with cache_control, and its cache in the cost', async () => {
    const { usage } = await clientOf().messages.create({
      ...callOf('Hi. [[sim input=1000 cached=600 cache-write=300 output=5]]'),
      system: [{ type: 'text', text: 'Be brief. '.repeat(200), cache_control: { type: 'ephemeral' } }],
    });
    // 100 in at $1, 600 read at $0.10, 300 written at $1.25, 5 out at $5, each a million.
    expect(usage).toMatchObject({
      cost: '0.00056',
      cost_details: { input: '0.0001', cache_read: '0.00006', cache_write: '0.000375', output: '0.000025' },
    });
  });

  it('models and counting of tokens are free', async () => {
    const client = clientOf();
    const models = [];
    for await (const { id } of await client.models.list()) models.push(id);
    expect(models).toContain(model);
    expect(models.filter((id) => id.startsWith('gpt'))).toEqual([]);
    expect(
      await client.messages.countTokens({ model, messages: callOf('Hi. [[sim input=7]]').messages }),
    ).toMatchObject({
      input_tokens: 7,
    });
    expect(await client.get('/v1/budget')).toMatchObject({
      user: caller.user,
      caps: [{ settled: '0.00', reserved: '0.00' }],
    });
  });

  describe.each(BROKEN_STREAMS)('a stream that is $name', ({ directive, told }) => {
    const prompt = `Say hi. [[sim input=10 output=5 ${directive}]]`;
    const says = told === 'ours' ? /The answer broke off/ : /Overloaded/;

    it('throws after what came', async () => {
      const stream = await clientOf().messages.create({ ...callOf(prompt), stream: true });
      const seen: string[] = [];
      const failure = await failureOf(
        (async () => {
          for await (const { type } of stream) seen.push(type);
        })(),
      );
      expect(failure).toBeInstanceOf(Anthropic.APIError);
      expect(failure.message).toMatch(says);
      expect(seen[0]).toBe('message_start');
      expect(seen).not.toContain('message_stop');
      await expectPresumed();
    });

    it('messages.stream() rejects', async () => {
      const failure = await failureOf(clientOf().messages.stream(callOf(prompt)).finalMessage());
      expect(failure).toBeInstanceOf(Anthropic.APIError);
      expect(failure.message).toMatch(says);
      await expectPresumed();
    });
  });

  describe.each(UNREADABLE_USAGE)('%s', (directive) => {
    it('a plain answer is whole, and charged at the hold', async () => {
      const { content } = await clientOf().messages.create(callOf(`Hi. [[sim output=5 ${directive}]]`));
      expect(content).toMatchObject([{ text: TEXT }]);
      await expectPresumed();
    });
    it('a stream is whole, and charged at the hold', async () => {
      const stream = await clientOf().messages.create({
        ...callOf(`Hi. [[sim output=5 ${directive}]]`),
        stream: true,
      });
      const types = [];
      for await (const { type } of stream) types.push(type);
      expect(types.at(-1)).toBe('message_stop');
      await expectPresumed();
    });
  });

  it.each(UNANSWERED)(
    'a plain answer with $directive: a typed error, and no second attempt',
    async (ending) => {
      const failure = await failureOf(clientOf().messages.create(callOf(`Hi. [[sim ${ending.directive}]]`)));
      expect(failure).toBeInstanceOf(Anthropic.InternalServerError);
      expect(failure.status).toBe(ending.status);
      const { error } = failure.error as { error: { type: string; message: string; details: object } };
      expect(error).toMatchObject({ type: 'api_error', details: { code: ending.code } });
      expect(error.message).toMatch(ending.says);
      await expectPresumed();
    },
  );

  describe.each([false, true])("the provider's own errors, streamed: %s", (stream) => {
    it.each(PROVIDER_ERRORS)('$status: $error, $outcome', async ({ status, error, outcome }) => {
      const asked = callOf(`Hi. [[sim status=${status} retry-after=7]]`);
      const failure = await failureOf(clientOf({ maxRetries: 0 }).messages.create({ ...asked, stream }));
      expect(failure).toBeInstanceOf(Anthropic[error as 'APIError']);
      expect(failure.status).toBe(status);
      expect(failure.message).toMatch(/simulated|Overloaded/);
      expect(failure.headers?.get('retry-after')).toBe('7');
      expect(failure.headers?.get('x-should-retry')).toBeNull();
      const charge = await caller.chargeOf(failure.headers!.get('x-spendcap-request-id')!);
      expect(charge.outcome).toBe(outcome);
      expect(charge.cost_usd).toBe(outcome === 'voided' ? '0.00' : charge.reserved_usd);
    });
  });
});

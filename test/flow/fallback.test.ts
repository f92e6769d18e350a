/** A cheaper model of the policy's chain stands in where the asked one does not fit, and says so everywhere. */
import { describe, expect, it } from 'vitest';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import { verifyReceipt } from '../../lambdas/core/receipts/verify-receipt.ts';
import { parsePolicy, type PolicyInput } from '../../lambdas/core/policy/policy.ts';
import { blocksOf } from '../support/doc-blocks.ts';
import { openGateway, userCap, type TestGateway } from '../support/gateways.ts';
import { plain, streamed } from '../support/scripted-upstream.ts';

const POLICY: PolicyInput = {
  modelTiers: [
    ['gpt-4.1', 'gpt-4.1-mini'],
    ['claude-opus-4-5', 'claude-sonnet-4-5', 'claude-haiku-4-5'],
  ],
};
const ANTHROPIC = { 'anthropic-version': '2023-06-01' };
const chat = (more = ''): string =>
  `{"model":"gpt-4.1","messages":[{"role":"user", "odd" : 1.0,"content":"Say hi."}], "max_completion_tokens":1000${more}}`;

const gatewayWith = (limit: string, policy: PolicyInput = {}): Promise<TestGateway> =>
  openGateway({ caps: { 'alice-life': userCap(limit) }, policy: { ...POLICY, ...policy } });
const answerOf = (model: string): string =>
  `{"id":"c1","model":"${model}","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}`;
const ask = (gateway: TestGateway, body: string, headers: Record<string, string> = {}): Promise<Response> => {
  gateway.upstream.next(plain(answerOf('gpt-4.1-mini')));
  return gateway.call('/v1/chat/completions', body, headers);
};
const sentModel = ({ upstream }: TestGateway): unknown =>
  (JSON.parse(upstream.sent.at(-1)!.body!) as { model: unknown }).model;
async function fitsOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { limit: { fits: unknown } } };
  return error.limit.fits;
}

describe('a call whose model does not fit', () => {
  /** gpt-4.1 at its floor of 256 needs more than $0.002; gpt-4.1-mini at $0.4 and $1.6 does not. */
  it('is sent to the next cheaper one, with nothing else changed but its limit', async () => {
    const gateway = await gatewayWith('0.001');
    const response = await ask(gateway, chat());
    expect(response.status).toBe(200);
    const limit = response.headers.get('x-spendcap-max-output-tokens')!;
    expect(Number(limit)).toBeGreaterThan(256);
    expect(gateway.upstream.sent[0]!.body).toBe(
      chat().replace('"gpt-4.1"', '"gpt-4.1-mini"').replace(':1000', `:${limit}`),
    );
    expect(response.headers.get('x-spendcap-model')).toBe('gpt-4.1-mini');
    expect(response.headers.get('x-spendcap-model-requested')).toBe('gpt-4.1');
    expect(response.headers.get('x-spendcap-fallback')).toBe('gpt-4.1-mini');
    expect(response.headers.get('x-spendcap-price-version')).toMatch(/^openai\/gpt-4\.1-mini@/);
    // 10 x $0.0000004 + 5 x $0.0000016
    expect(response.headers.get('x-spendcap-cost-usd')).toBe('0.000012');
    await gateway.settled();
    const { charge, receipt } = await gateway.viewOf(response);
    expect(charge).toMatchObject({
      model_requested: 'gpt-4.1',
      model: 'gpt-4.1-mini',
      fallback: 'gpt-4.1-mini',
      outcome: 'settled',
    });
    expect(await verifyReceipt(JSON.parse(JSON.stringify(receipt)))).toMatchObject({
      kind: 'checked',
      differences: [],
    });
    expect(receipt).toMatchObject({ model_requested: 'gpt-4.1', model: 'gpt-4.1-mini' });
    expect(await gateway.account()).toMatchObject({ settled: '0.000012', held: '0.00' });
  });

  it('is charged as the model that was sent where the answer tells nothing', async () => {
    const gateway = await gatewayWith('0.001');
    gateway.upstream.next(plain('{"id":"c1","choices":[]}'));
    const response = await gateway.call('/v1/chat/completions', chat());
    await gateway.settled();
    const { charge } = await gateway.viewOf(response);
    expect(charge).toMatchObject({ model: 'gpt-4.1-mini', outcome: 'presumed_spent' });
    expect(charge!.cost_usd).toBe(response.headers.get('x-spendcap-reserved-usd'));
  });

  it('is lowered first where that is enough', async () => {
    const gateway = await gatewayWith('0.005');
    gateway.upstream.next(plain(answerOf('gpt-4.1')));
    const response = await gateway.call('/v1/chat/completions', chat());
    expect(sentModel(gateway)).toBe('gpt-4.1');
    expect(response.headers.get('x-spendcap-model-requested')).toBeNull();
    expect(response.headers.get('x-spendcap-fallback')).toBeNull();
    expect(response.headers.get('x-spendcap-max-output-tokens')).not.toBeNull();
  });

  it.each<[string, PolicyInput, Record<string, string>]>([
    ['the caller', {}, { 'x-spendcap-fallback': 'never' }],
    ['the app', { apps: [{ id: 'web', team: 'growth', fallback: false }] }, {}],
  ])('is refused where %s forbids it, and told which model would fit', async (_who, policy, headers) => {
    const gateway = await gatewayWith('0.0001', policy);
    const response = await gateway.call('/v1/chat/completions', chat(), headers);
    expect(response.status).toBe(429);
    expect(gateway.upstream.sent).toEqual([]);
    expect(await fitsOf(response)).toEqual({
      max_output_tokens: expect.any(Number) as number,
      model: 'gpt-4.1-mini',
    });
  });

  it('goes down its chain as far as it must, in Anthropic too, streams included', async () => {
    const gateway = await gatewayWith('0.003');
    const body =
      '{"model":"claude-opus-4-5","max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"Hi"}]}';
    gateway.upstream.next(
      streamed([
        'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-haiku-4-5","usage":{"input_tokens":10,"output_tokens":1}}}\n\n',
        'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":5}}\n\n',
        'event: message_stop\ndata: {"type":"message_stop"}\n\n',
      ]),
    );
    const response = await gateway.call('/v1/messages', body, ANTHROPIC);
    await response.text();
    expect(response.headers.get('x-spendcap-model')).toBe('claude-haiku-4-5');
    expect(response.headers.get('x-spendcap-model-requested')).toBe('claude-opus-4-5');
    expect(sentModel(gateway)).toBe('claude-haiku-4-5');
  });

  it('of the Responses API does so as well', async () => {
    const gateway = await gatewayWith('0.001');
    gateway.upstream.next(
      plain('{"id":"r1","model":"gpt-4.1-mini","output":[],"usage":{"input_tokens":10,"output_tokens":5}}'),
    );
    const response = await gateway.call(
      '/v1/responses',
      '{"model":"gpt-4.1","input":"Say hi.","max_output_tokens":1000}',
    );
    expect(response.headers.get('x-spendcap-model-requested')).toBe('gpt-4.1');
    expect(sentModel(gateway)).toBe('gpt-4.1-mini');
  });
});

describe('a model that cannot do what the call needs never stands in', () => {
  const TO_REASONING = { modelTiers: [['gpt-4.1', 'gpt-5-nano']] };
  it.each([
    ['sampling', ',"temperature":0.2'],
    ['what nobody knows', ',"new_member":true'],
    ['a tool that is no function', ',"tools":[{"type":"custom","custom":{"name":"a"}}]'],
    ['an effort that it has not', ',"reasoning_effort":"xhigh"'],
  ])('%s', async (_what, more) => {
    const gateway = await gatewayWith('0.0002', TO_REASONING);
    const response = await gateway.call('/v1/chat/completions', chat(more));
    expect(response.status).toBe(429);
    expect(gateway.upstream.sent).toEqual([]);
  });

  it('but one that can does', async () => {
    const gateway = await gatewayWith('0.0002', TO_REASONING);
    const tools =
      ',"tools":[{"type":"function","function":{"name":"a"}}],"response_format":{"type":"json_object"}';
    const cheap = chat(tools).replace(':1000', ':300');
    const response = await ask(await gatewayWith('0.001', TO_REASONING), cheap);
    expect(response.status).toBe(200);
    expect((await ask(gateway, chat())).status).toBe(200);
    expect(sentModel(gateway)).toBe('gpt-5-nano');
  });

  it('nor one of another provider, of a greater price, or without an entry in the table', async () => {
    for (const other of ['deepseek-v4-flash', 'gpt-5.5', 'gpt-audio', 'no-such-model']) {
      const gateway = await gatewayWith('0.001', { modelTiers: [['gpt-4.1', other]] });
      expect((await gateway.call('/v1/chat/completions', chat())).status, other).toBe(429);
    }
  });

  it('nor where the prompt, at a token a byte, would not fit beside its answer', async () => {
    const gateway = await gatewayWith('0.05', { modelTiers: [['gpt-4.1', 'gpt-4o-mini']] });
    const long = chat().replace('Say hi.', 'x'.repeat(128_000));
    expect((await gateway.call('/v1/chat/completions', long)).status).toBe(429);
  });
});

describe('at the stage throttled', () => {
  async function throttled(policy: PolicyInput): Promise<TestGateway> {
    const gateway = await gatewayWith('20.00', policy);
    await ask(gateway, chat());
    await gateway.settled();
    await gateway.ledger.leaves.change(leafKey({ type: 'user', id: 'alice' }), (leaf) => ({
      ...leaf,
      g: 1n,
      a: { ...leaf.a, 'alice-life': { ...leaf.a['alice-life']!, g: 'throttled' } },
    }));
    return gateway;
  }

  it('a ladder can ask for the cheaper model, which a caller may forbid', async () => {
    const gateway = await throttled({ ladders: { default: { throttle: { cheaperModel: true } } } });
    await ask(gateway, chat());
    expect(sentModel(gateway)).toBe('gpt-4.1-mini');
    await ask(gateway, chat(), { 'x-spendcap-fallback': 'never' });
    expect(sentModel(gateway)).toBe('gpt-4.1');
  });

  it('and for smaller outputs, which a caller may forbid too', async () => {
    const gateway = await throttled({ ladders: { default: { throttle: { maxOutputTokens: 400 } } } });
    const smaller = await ask(gateway, chat());
    expect(smaller.headers.get('x-spendcap-max-output-tokens')).toBe('400');
    expect(sentModel(gateway)).toBe('gpt-4.1');
    const whole = await ask(gateway, chat(), { 'x-spendcap-clamp': 'never' });
    expect(whole.headers.get('x-spendcap-max-output-tokens')).toBeNull();
  });
});

it('a repeat under its key gets the charge of the model that stood in', async () => {
  const gateway = await gatewayWith('0.001');
  const key = { 'idempotency-key': 'one' };
  await ask(gateway, chat(), key);
  await gateway.settled();
  const again = await gateway.call('/v1/chat/completions', chat(), key);
  expect(again.status).toBe(409);
  const { error } = (await again.json()) as { error: { charge: Record<string, unknown> } };
  expect(error.charge).toMatchObject({ model_requested: 'gpt-4.1', model: 'gpt-4.1-mini' });
  expect(gateway.upstream.sent).toHaveLength(1);
});

it('the policies of its guide are policies', () => {
  const [chains, optOut] = blocksOf('docs/fallback.md', ['json']).map(({ text }) =>
    parsePolicy(JSON.parse(text)),
  );
  expect(chains!.modelTiers.flat()).toContain('gpt-4.1-mini');
  expect(optOut!.apps).toMatchObject([{ id: 'web', fallback: false }]);
});

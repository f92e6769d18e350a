/**
 * Held at the dearest that a call can be served as, charged as it was served: tiers, speed, geography, server tools,
 * advice, summaries. Worked out by hand from the reviewed cards, per million tokens.
 */
import { describe, expect, it } from 'vitest';
import type { PolicyInput } from '../../lambdas/core/policy/policy.ts';
import { openGateway, userCap } from '../support/gateways.ts';
import { plain } from '../support/scripted-upstream.ts';
import { chatCall, chatStream, messagesCall, type DialectCall } from './dialects.ts';
import { streamed } from '../support/scripted-upstream.ts';

const caps = { 'alice-life': userCap('1000.00') };

async function charged(
  call: Pick<DialectCall, 'path' | 'headers'>,
  body: string,
  answer: string,
  policy: PolicyInput = {},
): Promise<{ held: string | null; cost: string; outcome: string; sent: string }> {
  const gateway = await openGateway({ caps, policy });
  gateway.upstream.next(plain(answer));
  const response = await gateway.call(call.path, body, call.headers);
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  const { charge } = await gateway.viewOf(response);
  return {
    held: response.headers.get('x-spendcap-reserved-usd'),
    cost: charge!.cost_usd,
    outcome: charge!.outcome,
    sent: gateway.upstream.sent[0]!.body!,
  };
}

describe('OpenAI tiers', () => {
  // gpt-5: $1.25 in, $10 out; priority twice that, flex half. 10 tokens in, 5 out: $0.0000625 at the list price.
  const body = (tier?: string): string =>
    `{"model":"gpt-5","messages":[{"role":"user","content":"Say hi."}],"max_tokens":1000${
      tier === undefined ? '' : `,"service_tier":"${tier}"`
    }}`;
  const answer = (tier: string): string =>
    `{"model":"gpt-5","service_tier":"${tier}","usage":{"prompt_tokens":10,"completion_tokens":5}}`;

  it.each([
    // 84 bytes and 1,000 tokens
    [undefined, 'default', '0.010105', '0.0000625'],
    // 110 and 106 bytes, at twice the price
    ['priority', 'priority', '0.020275', '0.000125'],
    ['priority', 'default', '0.020275', '0.0000625'],
    ['fast', 'fast', '0.020265', '0.000125'],
    // 106 bytes: it may be served at the list price
    ['flex', 'flex', '0.0101325', '0.00003125'],
    ['flex', 'default', '0.0101325', '0.0000625'],
  ])('asked %s, served %s: held %s, charged %s', async (asked, served, held, cost) => {
    expect(await charged(chatCall, body(asked), answer(served))).toMatchObject({
      held,
      cost,
      outcome: 'settled',
    });
  });

  it('follow the project where the request leaves them open, as the policy says', async () => {
    const policy: PolicyInput = { openaiServiceTier: 'priority' };
    expect(await charged(chatCall, body(), answer('priority'), policy)).toMatchObject({
      held: '0.02021',
      cost: '0.000125',
      outcome: 'settled',
    });
    expect(await charged(chatCall, body('default'), answer('default'), policy)).toMatchObject({
      held: '0.01013625',
    });
  });

  it('without a price are charged at the hold', async () => {
    expect(await charged(chatCall, body(), answer('ultrafast'))).toMatchObject({
      cost: '0.010105',
      outcome: 'presumed_spent',
    });
  });

  it('are billed as served in streams, too', async () => {
    const gateway = await openGateway({ caps });
    const frames = chatStream.frames.map((frame) =>
      frame.replaceAll('"gpt-4.1"', '"gpt-4.1","service_tier":"priority"'),
    );
    gateway.upstream.next(streamed(frames));
    const asked = chatStream.body.replace('"stream"', '"service_tier":"priority","stream"');
    const response = await gateway.call(chatStream.path, asked);
    await response.text();
    // 1.75 x $0.00006
    expect(await gateway.viewOf(response)).toMatchObject({
      charge: { cost_usd: '0.000105', outcome: 'settled' },
    });
  });
});

describe('Anthropic', () => {
  // claude-haiku-4-5: $1 in, $1.25 and $2 written, $0.1 read, $5 out; 200,000 tokens of context, 64,000 out.
  const haiku = (more: string): string => messagesCall.body.replace('"max', `${more},"max`);
  const usage = (more: string): string =>
    `{"model":"claude-haiku-4-5","usage":{"input_tokens":10,"output_tokens":5${more}}}`;

  it('priority has no rate: what is served so is charged at the hold', async () => {
    const answer = usage(',"service_tier":"priority"');
    expect(await charged(messagesCall, messagesCall.body, answer)).toMatchObject({
      cost: messagesCall.hold,
      outcome: 'presumed_spent',
    });
  });

  it.each([
    ['standard', '0.000035'],
    ['batch', '0.0000175'],
  ])('%s costs %s', async (tier, cost) => {
    const answer = usage(`,"service_tier":"${tier}"`);
    expect(await charged(messagesCall, messagesCall.body, answer)).toMatchObject({
      cost,
      outcome: 'settled',
    });
  });

  it('writes of both lifetimes', async () => {
    const body = haiku('"cache_control":{"type":"ephemeral","ttl":"1h"}');
    const answer = usage(
      ',"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}',
    );
    // 10 x $1.25 + 20 x $2 more
    expect(await charged(messagesCall, body, answer)).toMatchObject({
      cost: '0.0000875',
      outcome: 'settled',
    });
  });

  it('a search is held at its rounds and fees, and charged by what was searched', async () => {
    const body = haiku('"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":2}]');
    const answer = usage(',"server_tool_use":{"web_search_requests":1}');
    // 3 x 200,000 x $1 + 3 x 1,000 x $5 + 2 x $0.01
    expect(await charged(messagesCall, body, answer)).toMatchObject({
      held: '0.635',
      cost: '0.010035',
      outcome: 'settled',
    });
  });

  it('pages cost their tokens only', async () => {
    const body = haiku('"tools":[{"type":"web_fetch_20250910","name":"web_fetch","max_uses":1}]');
    const answer = usage(',"server_tool_use":{"web_fetch_requests":1}');
    expect(await charged(messagesCall, body, answer)).toMatchObject({ held: '0.41', cost: '0.000035' });
  });

  it('advice is held at the dearer model, and charged at it', async () => {
    const advisor =
      '{"type":"advisor_20260301","name":"advisor","model":"claude-opus-5","max_uses":1,"max_tokens":100}';
    const answer = usage(
      ',"iterations":[{"type":"message","input_tokens":10,"output_tokens":5},' +
        '{"type":"advisor_message","model":"claude-opus-5","input_tokens":20,"output_tokens":4}]',
    );
    // 2 x 200,000 x $1 + 2 x 1,000 x $5; and 1,000,000 x $5 x 1.1 + 100 x $25 x 1.1, for nobody said where it runs
    // 10 x $1 + 5 x $5 + 20 x $5 + 4 x $25
    expect(await charged(messagesCall, haiku(`"tools":[${advisor}]`), answer)).toMatchObject({
      held: '5.91275',
      cost: '0.000235',
      outcome: 'settled',
    });
  });

  it('a summary is held where the context may reach it, and charged beside the answer', async () => {
    const edit =
      '"context_management":{"edits":[{"type":"compact_20260112","trigger":{"type":"input_tokens","value":1000}}]}';
    const answer = usage(
      ',"iterations":[{"type":"compaction","input_tokens":1000,"output_tokens":40},{"type":"message","input_tokens":10,"output_tokens":5}]',
    );
    // 200,000 x $1 + 1,000 x $5, twice but for the output: 64,000 x $5
    // 1,000 x $1 + 40 x $5 + 10 x $1 + 5 x $5
    expect(await charged(messagesCall, haiku(edit), answer)).toMatchObject({
      held: '0.725',
      cost: '0.001235',
      outcome: 'settled',
    });
  });

  it('a summary that no context of this size reaches is not held', async () => {
    const edit = '"context_management":{"edits":[{"type":"compact_20260112"}]}';
    // 95 + 61 bytes and 1,024 hidden tokens x $1, and 1,000 x $5
    expect(await charged(messagesCall, haiku(edit), usage(''))).toMatchObject({ held: '0.00618' });
  });

  it('each attempt is held, and what was billed of each is charged', async () => {
    const answer = usage(
      ',"iterations":[{"type":"message","input_tokens":10,"output_tokens":0},' +
        '{"type":"fallback_message","model":"claude-sonnet-4-5","input_tokens":12,"output_tokens":5}]',
    );
    const body = haiku('"fallbacks":[{"model":"claude-sonnet-4-5"}]');
    // 10 x $1 + 12 x $3 + 5 x $15
    expect(await charged(messagesCall, body, answer)).toMatchObject({ cost: '0.000121', outcome: 'settled' });
  });

  it.each([
    ['advice', '"tools":[{"type":"advisor_20260301","name":"a","model":"claude-99","max_uses":1}]'],
    ['an attempt', '"fallbacks":[{"model":"claude-99"}]'],
  ])('%s by a model without a price is refused', async (_, more) => {
    const gateway = await openGateway({ caps });
    const response = await gateway.call(messagesCall.path, haiku(more), messagesCall.headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { details: { code: 'model_not_priced' } } });
    expect(gateway.upstream.sent).toEqual([]);
  });

  it('advice by a model in quarantine is refused', async () => {
    const gateway = await openGateway({ caps });
    await gateway.gateway.directory.putQuarantine('claude-opus-5', { requestId: 'req_1' });
    const tool = '"tools":[{"type":"advisor_20260301","name":"a","model":"claude-opus-5","max_uses":1}]';
    const response = await gateway.call(messagesCall.path, haiku(tool), messagesCall.headers);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { details: { code: 'model_quarantined' } } });
  });
});

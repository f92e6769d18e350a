/** Contract 4: headers of admitted calls, plain and streamed, and what of the provider's is withheld. */
import { describe, expect, it } from 'vitest';
import { openGateway, userCap } from '../support/gateways.ts';
import { noAnswer, plain, streamed } from '../support/scripted-upstream.ts';
import { CALLS, chatCall, messagesCall, messagesStream, STREAMS } from './dialects.ts';

const spendcapHeaders = ({ headers }: Response): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-spendcap-')));
const CARDS: Record<string, string> = {
  chat: 'openai/gpt-4.1@2025-04-14',
  responses: 'openai/gpt-4.1@2025-04-14',
  messages: 'anthropic/claude-haiku-4-5@2025-10-01',
  embeddings: 'openai/text-embedding-3-small@2024-01-25',
};
const MODELS: Record<string, string> = {
  chat: 'gpt-4.1',
  responses: 'gpt-4.1',
  messages: 'claude-haiku-4-5',
  embeddings: 'text-embedding-3-small',
};
const LEFT: Record<string, string> = {
  chat: '0.99994',
  responses: '0.99994',
  messages: '0.999965',
  embeddings: '0.9999998',
};

describe.each(CALLS)('a plain answer of $name', (call) => {
  it('carries exactly these, with what is left after its charge', async () => {
    const gateway = await openGateway({ caps: { 'alice-month': userCap('1.00', { window: 'month' }) } });
    gateway.upstream.next(plain(call.answer));
    const response = await gateway.call(call.path, call.body, call.headers);
    expect(spendcapHeaders(response)).toEqual({
      'x-spendcap-request-id': expect.stringMatching(/^req_[0-9a-v]{26}$/) as string,
      'x-spendcap-reserved-usd': call.hold,
      'x-spendcap-cost-usd': call.cost,
      'x-spendcap-price-version': CARDS[call.name],
      'x-spendcap-model': MODELS[call.name],
      'x-spendcap-cap': 'alice-month',
      'x-spendcap-cap-metric': 'usd',
      'x-spendcap-cap-limit': '1.00',
      'x-spendcap-cap-remaining': LEFT[call.name],
      'x-spendcap-cap-reset': '2026-12-01T00:00:00Z',
      'x-spendcap-stage': 'normal',
    });
  });
});

describe.each(STREAMS)('a stream of $name', (call) => {
  it('carries exactly these, with what is left after its hold', async () => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap('1.00') } });
    gateway.upstream.next(streamed(call.frames));
    const response = await gateway.call(call.path, call.body, call.headers);
    const remaining = { chat: '0.9918', responses: '0.991848', messages: '0.993867' }[call.name];
    expect(spendcapHeaders(response)).toEqual({
      'x-spendcap-request-id': expect.stringMatching(/^req_[0-9a-v]{26}$/) as string,
      'x-spendcap-reserved-usd': call.hold,
      'x-spendcap-price-version': CARDS[call.name],
      'x-spendcap-model': MODELS[call.name],
      'x-spendcap-cap': 'alice-life',
      'x-spendcap-cap-metric': 'usd',
      'x-spendcap-cap-limit': '1.00',
      'x-spendcap-cap-remaining': remaining,
      'x-spendcap-stage': 'normal',
    });
    await response.text();
  });
});

describe('headers', () => {
  it('name the model served and the one requested where they differ', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(chatCall.answer.replace('"gpt-4.1"', '"gpt-4.1-2025-04-14"')));
    const response = await gateway.call(chatCall.path, chatCall.body);
    expect(spendcapHeaders(response)).toMatchObject({
      'x-spendcap-model': 'gpt-4.1-2025-04-14',
      'x-spendcap-model-requested': 'gpt-4.1',
    });
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      model: 'gpt-4.1-2025-04-14',
      model_requested: 'gpt-4.1',
    });
  });

  it('show the cap with the smallest share left', async () => {
    const gateway = await openGateway({
      caps: {
        large: userCap('100.00'),
        requests: userCap('4', { metric: 'requests', window: 'day' }),
        small: userCap('0.10', { window: 'day' }),
      },
    });
    gateway.upstream.next(plain(chatCall.answer));
    const response = await gateway.call(chatCall.path, chatCall.body);
    expect(spendcapHeaders(response)).toMatchObject({
      'x-spendcap-cap': 'requests',
      'x-spendcap-cap-metric': 'requests',
      'x-spendcap-cap-limit': '4',
      'x-spendcap-cap-remaining': '3',
      'x-spendcap-cap-reset': '2026-11-25T00:00:00Z',
    });
  });

  it.each([
    ['0.02', 'normal'],
    ['0.0160', 'warned'],
    ['0.008172', 'blocked'],
  ])('show the highest stage: %s spent to 0.008172 is %s', async (limit, stage) => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap(limit) } });
    gateway.upstream.next(noAnswer);
    const response = await gateway.call(chatCall.path, chatCall.body);
    expect(response.headers.get('x-spendcap-stage')).toBe(stage);
  });

  it.each([messagesCall, messagesStream])('of Anthropic carry the unified set', async (call) => {
    const gateway = await openGateway({ caps: { money: userCap('0.00765', { window: 'month' }) } });
    gateway.upstream.next(
      'frames' in call
        ? streamed(call.frames, { 'anthropic-ratelimit-unified-status': 'rejected' })
        : () => ({ kind: 'no_answer', reason: 'reset' }),
    );
    const { headers } = await gateway.call(call.path, call.body, call.headers);
    const unified = [...headers].filter(([name]) => name.startsWith('anthropic-ratelimit'));
    expect(Object.fromEntries(unified)).toEqual({
      'anthropic-ratelimit-unified-status': 'allowed_warning',
      'anthropic-ratelimit-unified-representative-claim': 'overage',
      'anthropic-ratelimit-unified-overage-status': 'allowed_warning',
      // 6,119 or 6,133 of 7,650
      'anthropic-ratelimit-unified-overage-utilization': 'frames' in call ? '0.80' : '0.79',
      'anthropic-ratelimit-unified-overage-surpassed-threshold': '0.75',
      'anthropic-ratelimit-unified-reset': '1796083200',
      'anthropic-ratelimit-unified-overage-reset': '1796083200',
    });
  });

  const OF_THE_ACCOUNT = {
    'x-ratelimit-remaining-requests': '9',
    'anthropic-ratelimit-tokens-limit': '9',
    'openai-organization': 'org-1',
    'openai-project': 'proj-1',
    'anthropic-organization-id': 'org-1',
    'set-cookie': '__cf_bm=1',
    'x-spendcap-cap': 'forged',
  };
  it.each([
    ['plain', plain(chatCall.answer, { headers: { ...OF_THE_ACCOUNT, 'openai-processing-ms': '5' } })],
    ['failed', plain('{}', { status: 500, headers: { ...OF_THE_ACCOUNT, 'openai-processing-ms': '5' } })],
    ['streamed', streamed(['data: [DONE]\n\n'], { ...OF_THE_ACCOUNT, 'openai-processing-ms': '5' })],
  ])("of the provider's account are removed, others kept: %s", async (kind, script) => {
    const gateway = await openGateway();
    gateway.upstream.next(script);
    const body = kind === 'streamed' ? chatCall.body.replace('"max', '"stream":true,"max') : chatCall.body;
    const response = await gateway.call(chatCall.path, body);
    for (const name of Object.keys(OF_THE_ACCOUNT)) {
      expect(response.headers.get(name)).toBe(name === 'x-spendcap-cap' ? 'alice-life' : null);
    }
    expect(response.headers.get('openai-processing-ms')).toBe('5');
    await response.text();
  });
});

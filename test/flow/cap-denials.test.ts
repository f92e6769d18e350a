/** Contract 5, first two rows: cap denials and throttles, with every member of `limit`, in both dialects. */
import { describe, expect, it } from 'vitest';
import type { CapInput } from '../../lambdas/core/caps/cap-definition.ts';
import { openGateway, userCap, type TestGateway } from '../support/gateways.ts';
import { LiveAnswer, noAnswer, plain } from '../support/scripted-upstream.ts';
import { chatCall, messagesCall, type DialectCall } from './dialects.ts';

interface Limit extends Record<string, unknown> {
  reason: string;
  fits: { max_output_tokens: number } | null;
}
interface Denied {
  type: string;
  code?: string;
  message: string;
  limit?: Limit;
  details?: { limit: Limit };
}

const errorOf = async (response: Response): Promise<Denied> =>
  ((await response.json()) as { error: Denied }).error;
const limitOf = ({ limit, details }: Denied): Limit => (limit ?? details?.limit)!;

/** Charges one call at its hold. */
async function presume(gateway: TestGateway, call: DialectCall): Promise<void> {
  gateway.upstream.next(noAnswer);
  await gateway.call(call.path, call.body, call.headers);
}
/** Leaves one call in flight. */
async function occupy(gateway: TestGateway, call: DialectCall, headers = {}): Promise<void> {
  const before = gateway.upstream.sent.length;
  gateway.upstream.next(new LiveAnswer('application/json').script);
  void gateway.call(call.path, call.body, { ...call.headers, ...headers });
  await gateway.upstream.hasSent(before + 1);
}

/**
 * At the floor of 256 output tokens the chat call needs (86 x 2 + 256 x 8) = 2,220 microdollars, the messages
 * call (1,119 x 1 + 256 x 5) = 2,399.
 */
const DIALECTS = [
  {
    dialect: 'OpenAI',
    call: chatCall,
    requested: '0.00222',
    reachedType: 'insufficient_quota',
    throttledType: 'rate_limit_exceeded',
    /** (10,000 - 8,172 - 172) / 8, and (2,000 - 172) / 8 */
    fits: { reached: 207, tooLarge: 228 },
    limit: '0.01',
  },
  {
    dialect: 'Anthropic',
    call: messagesCall,
    requested: '0.002399',
    reachedType: 'billing_error',
    throttledType: 'rate_limit_error',
    /** (7,500 - 6,119 - 1,119) / 5, and (2,000 - 1,119) / 5 */
    fits: { reached: 52, tooLarge: 176 },
    limit: '0.0075',
  },
];

describe.each(DIALECTS)(
  '$dialect',
  ({ dialect, call, requested, reachedType, throttledType, fits, limit }) => {
    const deny = (gateway: TestGateway, headers = {}) =>
      gateway.call(call.path, call.body, { ...call.headers, ...headers });

    it('blocked: a block threshold below 1 denies from that settled share on', async () => {
      const cap = userCap('1.00', { window: 'month', thresholds: { block: 0.005 } });
      const gateway = await openGateway({ caps: { 'alice-usd': cap } });
      await presume(gateway, call);
      const response = await deny(gateway);
      expect(response.status).toBe(429);
      expect(response.headers.get('x-should-retry')).toBe('false');
      const error = await errorOf(response);
      expect(error).toMatchObject({
        type: reachedType,
        message: expect.stringContaining('blocked before its end') as string,
      });
      expect(limitOf(error)).toMatchObject({ reason: 'blocked', effective_limit: '1.00' });
      expect(gateway.upstream.sent).toHaveLength(1);
    });

    it.each<[string, Partial<CapInput>, string | null, string | null]>([
      ['month', { window: 'month' }, '2026-12-01T00:00:00Z', '561600'],
      ['day', { window: 'day' }, '2026-11-25T00:00:00Z', '43200'],
      ['rolling_24h', { window: 'rolling_24h' }, '2026-11-25T13:00:00Z', '90000'],
      ['lifetime', { window: 'lifetime' }, null, null],
    ])('cap reached, %s', async (window, more, resetsAt, retryAfter) => {
      const gateway = await openGateway({ caps: { 'alice-usd': userCap(limit, more) } });
      await presume(gateway, call);
      const response = await deny(gateway);
      const error = await errorOf(response);

      expect(response.status).toBe(429);
      expect(error.type).toBe(reachedType);
      if (dialect === 'OpenAI') expect(error.code).toBe('insufficient_quota');
      expect(limitOf(error)).toEqual({
        reason: 'cap_reached',
        cap: 'alice-usd',
        scope: { type: 'user', id: 'alice' },
        metric: 'usd',
        window,
        limit,
        effective_limit: limit,
        settled: call.hold,
        reserved: '0.00',
        requested,
        fits: { max_output_tokens: fits.reached },
        resets_at: resetsAt,
        request_url: 'https://spend.example/me',
      });
      expect(error.message).toContain('alice-usd');
      expect(error.message).toContain(`$${requested}`);
      expect(error.message).toContain('https://spend.example/me');
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(response.headers.get('retry-after')).toBe(retryAfter);
      expect(gateway.upstream.sent).toHaveLength(1);
    });

    it.each(['lifetime', 'minute'])('too large for the cap at any time, %s', async (window) => {
      const gateway = await openGateway({ caps: { small: userCap('0.002', { window }) } });
      const response = await deny(gateway);
      const error = await errorOf(response);

      expect(response.status).toBe(429);
      expect(error.type).toBe(reachedType);
      expect(limitOf(error)).toMatchObject({
        reason: 'too_large',
        requested,
        settled: '0.00',
        fits: { max_output_tokens: fits.tooLarge },
      });
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(gateway.upstream.sent).toHaveLength(0);
    });

    it('what fits, fits', async () => {
      const gateway = await openGateway({ caps: { 'alice-usd': userCap(limit) } });
      await presume(gateway, call);
      const smaller = call.body.replace(':1000', `:${fits.reached}`);
      gateway.upstream.next(plain(call.answer));
      expect((await gateway.call(call.path, smaller, call.headers)).status).toBe(200);
    });

    it('becomes 402 for the AI SDK, which retries 429 whatever the headers say', async () => {
      const gateway = await openGateway({ caps: { small: userCap('0.002') } });
      const response = await deny(gateway, { 'user-agent': 'ai/7.0.1 ai-sdk/provider-utils/4.0.1' });
      expect(response.status).toBe(402);
      expect((await errorOf(response)).type).toBe(reachedType);
    });

    it('held: fits as soon as calls in flight settle, so the client waits', async () => {
      const gateway = await openGateway({ caps: { 'alice-usd': userCap(limit) } });
      await occupy(gateway, call);
      await gateway.clock.pass(4);
      const response = await deny(gateway, { 'user-agent': 'ai-sdk' });
      const error = await errorOf(response);

      expect(response.status).toBe(429);
      expect(error.type).toBe(throttledType);
      if (dialect === 'OpenAI') expect(error.code).toBe('rate_limit_exceeded');
      expect(limitOf(error)).toMatchObject({
        reason: 'held',
        cap: 'alice-usd',
        settled: '0.00',
        reserved: call.hold,
        requested,
      });
      expect(response.headers.has('x-should-retry')).toBe(false);
      // The median age of calls in flight, spread up to twofold.
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(4);
      expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(8);
      expect(gateway.upstream.sent).toHaveLength(1);
    });

    it('throttled by a minute window until it ends', async () => {
      const rate = userCap('1', { metric: 'requests', window: 'minute' });
      const gateway = await openGateway({ caps: { rate, money: userCap('1.00') } });
      gateway.upstream.next(plain(call.answer), plain(call.answer));
      await deny(gateway);
      await gateway.clock.pass(18);
      const response = await deny(gateway);
      const error = await errorOf(response);

      expect(response.status).toBe(429);
      expect(error.type).toBe(throttledType);
      expect(limitOf(error)).toMatchObject({
        reason: 'throttled',
        cap: 'rate',
        metric: 'requests',
        window: 'minute',
        limit: '1',
        settled: '1',
        requested: '1',
        resets_at: '2026-11-24T12:01:00Z',
      });
      expect(response.headers.get('retry-after')).toBe('42');
      expect(response.headers.has('x-should-retry')).toBe(false);

      await gateway.clock.pass(42);
      expect((await deny(gateway)).status).toBe(200);
    });

    it('throttled by a cap on calls in flight', async () => {
      const caps = { slots: userCap('1', { metric: 'concurrent', window: null }), money: userCap('1.00') };
      const gateway = await openGateway({ caps });
      await occupy(gateway, call);
      const response = await deny(gateway);
      const error = await errorOf(response);

      expect(response.status).toBe(429);
      expect(limitOf(error)).toMatchObject({
        reason: 'throttled',
        cap: 'slots',
        metric: 'concurrent',
        window: null,
        resets_at: null,
        settled: '0',
        reserved: '1',
      });
      expect(response.headers.get('retry-after')).toMatch(/^[1-9]/);
    });

    it('cap reached wins over a throttle', async () => {
      const caps = {
        rate: userCap('1', { metric: 'requests', window: 'minute' }),
        'alice-usd': userCap(limit),
      };
      const gateway = await openGateway({ caps });
      await presume(gateway, call);
      expect(limitOf(await errorOf(await deny(gateway)))).toMatchObject({
        reason: 'cap_reached',
        cap: 'alice-usd',
      });
    });

    it('x-spendcap-clamp: never refuses with what would fit, and asks for the whole', async () => {
      const gateway = await openGateway({ caps: { 'alice-usd': userCap('0.005') } });
      const response = await deny(gateway, { 'x-spendcap-clamp': 'never' });
      const most = dialect === 'OpenAI' ? 603 : 776; // (5,000 - 172) / 8 and (5,000 - 1,119) / 5
      expect(response.status).toBe(429);
      expect(limitOf(await errorOf(response))).toMatchObject({
        reason: 'too_large',
        requested: call.hold,
        fits: { max_output_tokens: most },
      });
      expect(gateway.upstream.sent).toHaveLength(0);
    });
  },
);

it('too many calls in flight throttles with no cap to blame', async () => {
  const gateway = await openGateway({ caps: { money: userCap('100.00') } });
  for (let call = 0; call < 64; call += 1) await occupy(gateway, chatCall);
  const response = await gateway.call(chatCall.path, chatCall.body);
  const error = await errorOf(response);
  expect(response.status).toBe(429);
  expect(error.type).toBe('rate_limit_exceeded');
  expect(limitOf(error)).toMatchObject({ reason: 'throttled', cap: null });
  expect(response.headers.has('retry-after')).toBe(true);
  expect(response.headers.has('x-should-retry')).toBe(false);
  expect(gateway.upstream.sent).toHaveLength(64);
});

it('Anthropic clients get the unified headers of a rejection', async () => {
  const gateway = await openGateway({ caps: { small: userCap('0.002', { window: 'month' }) } });
  const response = await gateway.call(messagesCall.path, messagesCall.body, messagesCall.headers);
  const unified = [...response.headers].filter(([name]) => name.startsWith('anthropic-ratelimit-unified-'));
  expect(Object.fromEntries(unified)).toEqual({
    'anthropic-ratelimit-unified-status': 'rejected',
    'anthropic-ratelimit-unified-reset': '1796083200',
    'anthropic-ratelimit-unified-overage-reset': '1796083200',
    'anthropic-ratelimit-unified-overage-utilization': '1',
    'anthropic-ratelimit-unified-overage-surpassed-threshold': '1',
    'anthropic-ratelimit-unified-overage-period': 'monthly',
    'anthropic-ratelimit-unified-overage-disabled-reason': 'org_spend_cap_reached',
  });
});

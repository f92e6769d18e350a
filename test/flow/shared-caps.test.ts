/** Shared caps as their callers meet them: who is covered by which, what is shown, and each refusal word for word. */
import { describe, expect, it } from 'vitest';
import type { CapInput } from '../../lambdas/core/caps/cap-definition.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import { formatUsd } from '../../lambdas/core/money.ts';
import { openGateway, type GatewayOptions, type TestGateway } from '../support/gateways.ts';
import { LiveAnswer, noAnswer, plain } from '../support/scripted-upstream.ts';
import { chatCall, messagesCall, type DialectCall } from './dialects.ts';

const shared = (
  type: 'team' | 'app' | 'feature' | 'org',
  id: string,
  limit: string,
  more: Partial<CapInput> = {},
): CapInput => ({ scope: { type, id }, metric: 'usd', window: 'month', limit, ...more });
const growth = (limit: string, more: Partial<CapInput> = {}): CapInput =>
  shared('team', 'growth', limit, more);

/** A key of the app web and the team growth that names its users. */
const open = (caps: Record<string, CapInput>, options: GatewayOptions = {}): Promise<TestGateway> =>
  openGateway({ caps, key: { user: null }, ...options });
const by = (user: string) => ({ 'x-spendcap-user': user });
const send = (gateway: TestGateway, call: DialectCall, user: string, headers = {}): Promise<Response> =>
  gateway.call(call.path, call.body, { ...call.headers, ...by(user), ...headers });

/** Charges one call at its hold. */
async function presume(gateway: TestGateway, call: DialectCall, user: string, headers = {}): Promise<void> {
  gateway.upstream.next(noAnswer);
  await send(gateway, call, user, headers);
}
/** Leaves one call in flight; it ends when the answer is let go. */
async function occupy(gateway: TestGateway, call: DialectCall, user: string): Promise<() => Promise<void>> {
  const before = gateway.upstream.sent.length;
  const live = new LiveAnswer('application/json');
  gateway.upstream.next(live.script);
  const answer = send(gateway, call, user);
  await gateway.upstream.hasSent(before + 1);
  return async () => {
    live.write(call.answer);
    live.end();
    await (await answer).text();
    await gateway.settled();
  };
}

interface Denied {
  type: string;
  code?: string;
  message: string;
  limit?: Record<string, unknown>;
  details?: { code: string; limit: Record<string, unknown> };
}
const errorOf = async (response: Response): Promise<Denied> =>
  ((await response.json()) as { error: Denied }).error;
const limitOf = ({ limit, details }: Denied) => (limit ?? details?.limit)!;

/** See cap-denials.test.ts: the floor of the chat call is $0.00222, that of the messages call $0.002399. */
const DIALECTS = [
  {
    dialect: 'OpenAI',
    call: chatCall,
    requested: '0.00222',
    reached: 'insufficient_quota',
    throttled: 'rate_limit_exceeded',
    limit: '0.01',
    fits: 207,
  },
  {
    dialect: 'Anthropic',
    call: messagesCall,
    requested: '0.002399',
    reached: 'billing_error',
    throttled: 'rate_limit_error',
    limit: '0.0075',
    fits: 52,
  },
];
const ASK = 'ask for more at https://spend.example/me';

describe.each(DIALECTS)('$dialect: a team', ({ call, requested, reached, throttled, limit, fits }) => {
  it('cap reached: says whose cap, what was spent by everybody, and when it resets', async () => {
    const gateway = await open({ 'growth-month': growth(limit) });
    await presume(gateway, call, 'ann');
    const response = await send(gateway, call, 'bob');
    const error = await errorOf(response);
    expect(response.status).toBe(429);
    expect(error.type).toBe(reached);
    expect(error.message).toBe(
      `The cap of $${limit} a month of the team growth (growth-month) is reached: $${call.hold} spent and $0.00 held, and this call needs up to $${requested}; ${fits} output tokens would fit; it resets 2026-12-01T00:00:00Z; ${ASK}.`,
    );
    expect(limitOf(error)).toEqual({
      reason: 'cap_reached',
      cap: 'growth-month',
      scope: { type: 'team', id: 'growth' },
      metric: 'usd',
      window: 'month',
      limit,
      effective_limit: limit,
      settled: call.hold,
      reserved: '0.00',
      requested,
      fits: { max_output_tokens: fits },
      resets_at: '2026-12-01T00:00:00Z',
      request_url: 'https://spend.example/me',
    });
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(response.headers.get('retry-after')).toBe('561600');
    expect(gateway.upstream.sent).toHaveLength(1);
  });

  it('cap reached is 402 for the AI SDK, which retries 429 whatever the headers say', async () => {
    const gateway = await open({ 'growth-month': growth(limit) });
    await presume(gateway, call, 'ann');
    const response = await send(gateway, call, 'bob', { 'user-agent': 'ai/7.0.1 ai-sdk/provider-utils/4' });
    expect(response.status).toBe(402);
  });

  it('too large: no wait helps, whoever spends nothing', async () => {
    const gateway = await open({ 'growth-month': growth('0.002') });
    const response = await send(gateway, call, 'bob');
    const error = await errorOf(response);
    expect(response.status).toBe(429);
    expect(error.type).toBe(reached);
    expect(error.message).toContain(
      `The cap of $0.002 a month of the team growth (growth-month) is too small: this call needs up to $${requested}, more than the whole cap`,
    );
    expect(limitOf(error)).toMatchObject({ reason: 'too_large', settled: '0.00' });
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(gateway.upstream.sent).toHaveLength(0);
  });

  it('held: what a colleague merely holds is worth a moment', async () => {
    const gateway = await open({ 'growth-month': growth(limit) });
    await occupy(gateway, call, 'ann');
    const response = await send(gateway, call, 'bob');
    const error = await errorOf(response);
    expect(response.status).toBe(429);
    expect(error.type).toBe(throttled);
    expect(error.message).toBe(
      `The cap of $${limit} a month of the team growth (growth-month) is busy: calls in flight hold $${call.hold} of it; this call fits as soon as they settle; try again in 1 s.`,
    );
    expect(limitOf(error)).toMatchObject({ reason: 'held', settled: '0.00', reserved: call.hold, requested });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.has('x-should-retry')).toBe(false);
  });

  it('held passes by itself when the colleague’s call settles', async () => {
    const gateway = await open({ 'growth-month': growth(limit) });
    const end = await occupy(gateway, call, 'ann');
    expect((await send(gateway, call, 'bob')).status).toBe(429);
    await end();
    gateway.upstream.next(plain(call.answer));
    expect((await send(gateway, call, 'bob')).status).toBe(200);
  });

  it('blocked: from the share on that its thresholds say, where nothing fits any more', async () => {
    const gateway = await open({ 'growth-month': growth('1.00', { thresholds: { block: 0.005 } }) });
    await presume(gateway, call, 'ann');
    const response = await send(gateway, call, 'ann');
    const error = await errorOf(response);
    expect(error.message).toBe(
      `The cap of $1.00 a month of the team growth (growth-month) is blocked before its end, as its thresholds say: $${call.hold} spent and ${heldOf(error)} held, and this call needs up to $${requested}; it resets 2026-12-01T00:00:00Z; ${ASK}.`,
    );
    expect(limitOf(error)).toMatchObject({ reason: 'blocked', settled: call.hold, fits: null });
    expect(response.headers.get('x-should-retry')).toBe('false');
  });
});

const heldOf = (error: Denied): string => `$${String(limitOf(error)['reserved'])}`;

describe('own and shared caps that deny at once', () => {
  const minute: CapInput = {
    scope: { type: 'user', id: 'bob' },
    metric: 'requests',
    window: 'minute',
    limit: '1',
  };
  const answered = async (gateway: TestGateway, user: string): Promise<void> => {
    gateway.upstream.next(plain(chatCall.answer));
    expect((await send(gateway, chatCall, user)).status).toBe(200);
  };

  it('the team’s month, which is used up, wins over the user’s minute', async () => {
    const gateway = await open({ 'bob-minute': minute, 'growth-month': growth('0.01') });
    await answered(gateway, 'bob');
    await presume(gateway, chatCall, 'ann');
    const response = await send(gateway, chatCall, 'bob');
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(limitOf(await errorOf(response))).toMatchObject({ reason: 'cap_reached', cap: 'growth-month' });
  });

  it('the user’s minute alone is a matter of a minute', async () => {
    const gateway = await open({ 'bob-minute': minute, 'growth-month': growth('1.00') });
    await answered(gateway, 'bob');
    await presume(gateway, chatCall, 'ann');
    const response = await send(gateway, chatCall, 'bob');
    expect(response.headers.get('retry-after')).toBe('60');
    expect(limitOf(await errorOf(response))).toMatchObject({ reason: 'throttled', cap: 'bob-minute' });
  });

  it('of two shared caps that are used up, the one that resets last is named', async () => {
    const day = growth('0.01', { window: 'day' });
    const life = shared('org', 'org', '0.01', { window: 'lifetime' });
    const gateway = await open({ 'growth-day': day, 'org-life': life });
    await presume(gateway, chatCall, 'ann');
    const error = await errorOf(await send(gateway, chatCall, 'bob'));
    expect(limitOf(error)).toMatchObject({ reason: 'cap_reached', cap: 'org-life', resets_at: null });
  });
});

describe('the other owners', () => {
  it.each<[string, CapInput, RegExp]>([
    [
      'app',
      shared('app', 'web', '0.002', { window: 'day' }),
      /^The cap of \$0\.002 a day of the app web \(c\) is/,
    ],
    [
      'feature',
      shared('feature', 'web/default', '0.002', { window: 'week' }),
      /^The cap of \$0\.002 a week of the feature web\/default \(c\) is/,
    ],
    [
      'org',
      shared('org', 'org', '0.002', { window: 'lifetime' }),
      /^The organisation's cap of \$0\.002 in all \(c\) is too small.*it does not reset/,
    ],
  ])('%s', async (_what, cap, says) => {
    const gateway = await open({ c: cap });
    expect((await errorOf(await send(gateway, chatCall, 'bob'))).message).toMatch(says);
  });

  it('of another team, app or feature cover nobody here', async () => {
    const gateway = await open({
      a: shared('team', 'desk', '0.002'),
      b: shared('app', 'mobile', '0.002'),
      c: shared('feature', 'web/summarise', '0.002'),
      d: growth('1.00'),
    });
    gateway.upstream.next(plain(chatCall.answer));
    const response = await send(gateway, chatCall, 'bob');
    expect(response.headers.get('x-spendcap-cap')).toBe('d');
    const summarise = { 'x-spendcap-feature': 'summarise' };
    expect((await errorOf(await send(gateway, chatCall, 'bob', summarise))).message).toContain(
      '(c) is too small',
    );
  });
});

describe('what a caller sees of a shared cap', () => {
  it('is the tightest cap in the headers where it is, with what is left at least', async () => {
    const own: CapInput = {
      scope: { type: 'user', id: 'bob' },
      metric: 'usd',
      window: 'month',
      limit: '5.00',
    };
    const gateway = await open({ 'bob-month': own, 'growth-month': growth('0.10') });
    gateway.upstream.next(plain(chatCall.answer));
    const { headers } = await send(gateway, chatCall, 'bob');
    expect(Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-spendcap-cap')))).toEqual({
      'x-spendcap-cap': 'growth-month',
      'x-spendcap-cap-metric': 'usd',
      'x-spendcap-cap-limit': '0.10',
      'x-spendcap-cap-remaining': '0.09994',
      'x-spendcap-cap-reset': '2026-12-01T00:00:00Z',
    });
  });

  it('is in /v1/budget with its own figures exact and a colleague’s as they have come home', async () => {
    const gateway = await open({ 'growth-month': growth('1.00') });
    await presume(gateway, chatCall, 'ann');
    gateway.upstream.next(plain(chatCall.answer));
    await send(gateway, chatCall, 'bob');
    const budgetOf = async (user: string) =>
      ((await (await gateway.get('/v1/budget', by(user))).json()) as { caps: Record<string, string>[] }).caps;
    const [row] = await budgetOf('bob');
    expect(row).toMatchObject({
      id: 'growth-month',
      scope: { type: 'team', id: 'growth' },
      limit: '1.00',
      effective_limit: '1.00',
      settled: chatCall.cost,
      resets_at: '2026-12-01T00:00:00Z',
      stage: 'normal',
      as_of: '2026-11-24T12:00:00Z',
    });
    // limit = settled + reserved + remaining, whatever has not come home.
    const sum = ['settled', 'reserved', 'remaining'].reduce((total, name) => total + Number(row![name]), 0);
    expect(sum).toBeCloseTo(1, 10);
    expect((await budgetOf('ann'))[0]).toMatchObject({ settled: chatCall.hold });
    expect((await budgetOf('cat'))[0]).toMatchObject({ settled: '0.00' });
  });

  it('is clamped to what is left of it', async () => {
    const gateway = await open({ 'growth-month': growth('0.007') });
    gateway.upstream.next(plain(chatCall.answer));
    const response = await send(gateway, chatCall, 'bob');
    expect(response.headers.get('x-spendcap-max-output-tokens')).toBe('853'); // (7,000 - 172) / 8
  });
});

describe('a user who changes teams', () => {
  const CAPS = { 'growth-month': growth('1.00'), 'desk-month': shared('team', 'desk', '1.00') };
  const lease = async (gateway: TestGateway, cap: string) =>
    gateway.account(cap, { type: 'user', id: 'ann' });
  const capOf = async (gateway: TestGateway): Promise<string | null> => {
    gateway.upstream.next(plain(chatCall.answer));
    return (await send(gateway, chatCall, 'ann')).headers.get('x-spendcap-cap');
  };

  it('settles what is in flight where it was held; the next call is under the new team’s cap', async () => {
    const gateway = await open(CAPS);
    const end = await occupy(gateway, chatCall, 'ann');
    await gateway.gateway.directory.users.put({ id: 'ann', team: 'desk', source: 'admin' });
    expect(await capOf(gateway)).toBe('desk-month');
    expect(await lease(gateway, 'growth-month')).toMatchObject({ settled: '0.00', held: chatCall.hold });
    await end();
    expect(await lease(gateway, 'growth-month')).toMatchObject({ settled: chatCall.cost, held: '0.00' });
    expect(await lease(gateway, 'desk-month')).toMatchObject({ settled: chatCall.cost, held: '0.00' });
    gateway.upstream.next(plain(chatCall.answer));
    const { headers } = await send(gateway, chatCall, 'ann');
    await gateway.settled();
    const path = `/v1/requests/${headers.get('x-spendcap-request-id')!}`;
    expect(await (await gateway.get(path, by('ann'))).json()).toMatchObject({ charge: { team: 'desk' } });
  });

  it('moved by another process, is under the new cap within thirty seconds', async () => {
    const gateway = await open(CAPS);
    expect(await capOf(gateway)).toBe('growth-month');
    await gateway.elsewhere().users.put({ id: 'ann', team: 'desk', source: 'admin' });
    await gateway.clock.pass(29);
    expect(await capOf(gateway)).toBe('growth-month');
    await gateway.clock.pass(1);
    expect(await capOf(gateway)).toBe('desk-month');
  });

  it('is refused where neither the new team nor anything else has a cap', async () => {
    const gateway = await open({ 'growth-month': growth('1.00') });
    await gateway.gateway.directory.users.put({ id: 'ann', team: 'desk', source: 'admin' });
    const response = await send(gateway, chatCall, 'ann');
    expect(response.status).toBe(403);
    expect((await errorOf(response)).message).toBe(
      'No cap covers the user "ann", nor the team "desk", the feature "web/default" or the organisation, so the call is not let through; set one, as in "spendcap cap set user:ann --monthly 20usd".',
    );
  });
});

it('what a provider bills beyond its bound is gone for the whole team at once', async () => {
  const gateway = await open({ 'growth-month': growth('0.082') });
  gateway.upstream.next(plain(chatCall.overrunAnswer));
  expect((await send(gateway, chatCall, 'alice')).status).toBe(200);
  await gateway.settled();
  const pool = (await gateway.gateway.ledger.pools.read('growth-month'))!;
  expect(formatUsd(picoUsd(pool.s))).toBe(chatCall.overrunCost);
  // $0.00198 is left, and the messages call needs $0.002399 of it.
  const response = await send(gateway, messagesCall, 'bob');
  expect(limitOf(await errorOf(response))).toMatchObject({
    reason: 'cap_reached',
    settled: chatCall.overrunCost,
  });
  expect(gateway.upstream.sent).toHaveLength(1);
});

describe('the app itself', () => {
  const app = { key: { user: null, requireUser: false } };
  const call = (gateway: TestGateway, headers = {}) => gateway.call(chatCall.path, chatCall.body, headers);
  const web = { type: 'app', id: 'web' } as const;

  it('is held under the caps of its app, team, feature and organisation, on its own leaf', async () => {
    const caps = {
      'web-month': shared('app', 'web', '1.00'),
      'growth-month': growth('2.00'),
      'default-month': shared('feature', 'web/default', '3.00'),
      'org-month': shared('org', 'org', '4.00'),
      each: { ...growth('0.002'), scope: { type: 'user' as const, id: '*' } },
    };
    const gateway = await open(caps, app);
    gateway.upstream.next(plain(chatCall.answer));
    const response = await call(gateway);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-spendcap-cap')).toBe('web-month');
    await gateway.settled();
    for (const cap of ['web-month', 'growth-month', 'default-month', 'org-month']) {
      expect(await gateway.account(cap, web), cap).toMatchObject({ settled: chatCall.cost, held: '0.00' });
    }
    expect(await gateway.account('each', web)).toBeUndefined();
    const budget = (await (await gateway.get('/v1/budget')).json()) as { user: null; caps: { id: string }[] };
    expect(budget.user).toBeNull();
    expect(budget.caps.map(({ id }) => id)).toEqual([
      'growth-month',
      'web-month',
      'default-month',
      'org-month',
    ]);
    expect((await gateway.viewOf(response)).charge).toMatchObject({ user: null, app: 'web', team: 'growth' });
  });

  it('has as many calls in flight as its policy says, and shows and finds each', async () => {
    const policy = { apps: [{ id: 'web', team: 'growth', callsInFlightMax: 128 }] };
    const gateway = await open({ 'web-month': shared('app', 'web', '100.00') }, { ...app, policy });
    const flights = Array.from({ length: 128 }, () => new LiveAnswer('application/json'));
    gateway.upstream.next(...flights.map(({ script }) => script));
    const answers = flights.map(() => call(gateway));
    await gateway.upstream.hasSent(128);
    const refusal = await errorOf(await call(gateway));
    expect(limitOf(refusal)).toMatchObject({ reason: 'throttled', cap: null });
    expect(refusal.message).toContain('64');
    for (const flight of flights) {
      flight.write(chatCall.answer);
      flight.end();
    }
    for (const answer of answers) {
      const response = await answer;
      await response.text();
      expect(response.status).toBe(200);
    }
    await gateway.settled();
    const views = await Promise.all(answers.map(async (answer) => gateway.viewOf(await answer)));
    expect(views.map(({ status }) => status)).toEqual(views.map(() => 'charged'));
    const leaves = [0, 1].map(async (i) => gateway.gateway.ledger.leaves.read(leafKey(web, i)));
    for (const leaf of await Promise.all(leaves)) expect(leaf?.a['web-month']?.s).toBeGreaterThan(0n);
  });

  it('keeps calls with an idempotency key on the first leaf, where a repeat finds them', async () => {
    const policy = { apps: [{ id: 'web', team: 'growth', callsInFlightMax: 2048 }] };
    const gateway = await open({ 'web-month': shared('app', 'web', '100.00') }, { ...app, policy });
    const flight = new LiveAnswer('application/json');
    gateway.upstream.next(flight.script);
    const first = call(gateway, { 'idempotency-key': 'one' });
    await gateway.upstream.hasSent(1);
    for (let i = 0; i < 20; i += 1) {
      const repeat = await call(gateway, { 'idempotency-key': 'one' });
      expect([repeat.status, (await errorOf(repeat)).code]).toEqual([409, 'in_flight']);
    }
    flight.write(chatCall.answer);
    flight.end();
    expect((await first).status).toBe(200);
    expect(gateway.upstream.sent).toHaveLength(1);
  });

  it('shares them with the users of the app', async () => {
    const gateway = await open({ 'web-month': shared('app', 'web', '0.01') }, app);
    gateway.upstream.next(noAnswer);
    await call(gateway);
    const response = await send(gateway, chatCall, 'bob');
    expect(limitOf(await errorOf(response))).toMatchObject({ reason: 'cap_reached', settled: chatCall.hold });
  });

  it('is refused where none covers it, whatever caps people have', async () => {
    const everybody = { ...growth('5.00'), scope: { type: 'user' as const, id: '*' } };
    const gateway = await open({ each: everybody, desk: shared('team', 'desk', '1.00') }, app);
    const response = await call(gateway);
    expect(response.status).toBe(403);
    const error = await errorOf(response);
    expect(error.code).toBe('no_cap');
    expect(error.message).toBe(
      'No cap covers the app "web" without a user, nor the team "growth", the feature "web/default" or the organisation, so the call is not let through; set one, as in "spendcap cap set app:web --monthly 20usd", or name a user that has one.',
    );
    expect(gateway.upstream.sent).toHaveLength(0);
  });
});

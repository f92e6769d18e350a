/**
 * One user from the first dollar to the next day, with the official SDK against the local server: normal, warned,
 * throttled, a cheaper model, blocked, asks, approved, more than the limit, and a new window. What each answer says, what
 * finance is mailed, what the bus tells, what stands in the books. The clock on the wall is moved; all else takes its time.
 */
import OpenAI from 'openai';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import type { Mail } from '../../local/outbox.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { linesOf, type Told } from '../support/event-lines.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CAP = 'alice-day';

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let server: LocalServer;
let receiver: WebhookReceiver;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOON });
  receiver = await startReceiver();
  server = await startLocalServer({
    host: '127.0.0.1',
    port: 0,
    dataDirectory: undefined,
    adminKey: 'admin-key',
    upstreams: {},
    policy: parsePolicy({
      org: { name: 'Acme', financeEmail: 'finance@example.com' },
      plans: {},
      modelTiers: [['gpt-4.1', 'gpt-4.1-mini']],
      webhooks: [{ id: 'all', url: receiver.url }],
      ladders: { default: { throttle: { requestsPerMinute: 2 } } },
    }),
    webhookSecrets: new Map([['all', [WEBHOOK_SECRET]]]),
    report: () => undefined,
  });
});
afterAll(async () => {
  vi.useRealTimers();
  await server.close();
  await receiver.close();
});

async function admin<T = Record<string, unknown>>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${server.url}/admin/v1${path}`, {
    method,
    headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

async function mails(): Promise<Mail[]> {
  const response = await fetch(`${server.url}/outbox`, { headers: { accept: 'application/json' } });
  return ((await response.json()) as { items: Mail[] }).items;
}
const subjects = async (): Promise<string[]> => (await mails()).map(({ subject }) => subject);
/** What a customer's own system was told of alice. */
const events = (): string[] =>
  linesOf(
    receiver.received.map(({ body, headers }) => new Webhook(WEBHOOK_SECRET).verify(body, headers) as Told),
    CAP,
  );
const TOLD_IN_A_DAY = [
  'CapReached 0.998172',
  'CapThresholdCrossed block 0.995 0.998172',
  'CapThresholdCrossed throttle 0.95 0.95064',
  'CapThresholdCrossed warn 0.5 0.55454',
  'CapThresholdCrossed warn 0.5 1.077392',
  'CapThresholdCrossed warn 0.8 0.87142',
  'GrantApproved',
  'GrantRequested 0.998172',
  'StageChanged blocked normal 0.998172',
  'StageChanged normal warned 0.55454',
  'StageChanged normal warned 1.077392',
  'StageChanged throttled blocked 0.998172',
  'StageChanged warned throttled 0.95064',
];
/** What happens after the answer takes its time, and not more than this. */
const soon = <T>(look: () => Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 20_000, interval: 20 });

test('from normal to blocked, and by a grant and a new day back again', { timeout: 120_000 }, async () => {
  await admin('PUT', `/caps/${CAP}`, {
    scope: { type: 'user', id: 'alice' },
    metric: 'usd',
    window: 'day',
    limit: '1.00',
    thresholds: { block: 0.995 },
  });
  const { key } = await admin<{ key: string }>('POST', '/keys', {
    app: 'web',
    team: 'growth',
    user: 'alice',
  });
  const client = new OpenAI({ apiKey: key, baseURL: `${server.url}/v1`, maxRetries: 0 });

  /** $0.07922 by gpt-4.1, $0.015844 by gpt-4.1-mini; the call as it is, or none. */
  const call = async ({ model = 'gpt-4.1', outputTokens = 10_000 } = {}) => {
    const { response } = await client.chat.completions
      .create(
        {
          model,
          max_completion_tokens: outputTokens,
          messages: [{ role: 'user', content: 'Think. [[sim input=10 output=9900]]' }],
        },
        { headers: { 'x-spendcap-clamp': 'never' } },
      )
      .withResponse();
    const header = (name: string): string | null => response.headers.get(`x-spendcap-${name}`);
    return {
      stage: header('stage'),
      cost: header('cost-usd'),
      remaining: header('cap-remaining'),
      model: header('fallback') ?? 'as asked',
      grant: header('grant'),
    };
  };
  const refused = async (of: Parameters<typeof call>[0] = {}) => {
    const error = await call(of).then(
      (passed) => new Error(`it passed: ${JSON.stringify(passed)}`),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof OpenAI.RateLimitError)) throw error;
    const { reason } = (error.error as { limit: { reason: string } }).limit;
    const headers = error.headers;
    return { code: error.code, reason, message: error.message, headers };
  };
  const spendcap = async <T>(path: string, body?: object): Promise<T> => {
    const response = await fetch(`${server.url}/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${key}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as T;
  };
  const budget = async () => (await spendcap<{ caps: Record<string, string>[] }>('/budget')).caps[0]!;
  const hasStage = (stage: string) => soon(async () => expect(await budget()).toMatchObject({ stage }));

  // Normal, until a call crosses half of the cap: its own answer says so, and finance hears of it once.
  for (let i = 0; i < 6; i += 1) expect(await call()).toMatchObject({ stage: 'normal', model: 'as asked' });
  expect(await call()).toEqual({
    ...{ stage: 'warned', cost: '0.07922', remaining: '0.44546' },
    ...{ model: 'as asked', grant: null },
  });
  for (let i = 0; i < 4; i += 1) expect(await call()).toMatchObject({ stage: 'warned' });
  await soon(async () => expect(await subjects()).toHaveLength(2));

  // Throttled: two calls a minute, and what no longer fits goes to the cheaper model.
  await call();
  await hasStage('throttled');
  const cheaper = { cost: '0.015844', model: 'gpt-4.1-mini', grant: null };
  expect(await call()).toEqual({ ...cheaper, stage: 'throttled', remaining: '0.033516' });
  expect(await call()).toEqual({ ...cheaper, stage: 'throttled', remaining: '0.017672' });
  const tooFast = await refused();
  expect(tooFast).toMatchObject({ code: 'rate_limit_exceeded', reason: 'throttled' });
  expect(Number(tooFast.headers.get('retry-after'))).toBeGreaterThan(0);
  vi.setSystemTime(NOON + MINUTE);
  expect(await call()).toEqual({ ...cheaper, stage: 'blocked', remaining: '0.001828' });

  // Blocked.
  await hasStage('blocked');
  const denied = await refused();
  expect(denied).toMatchObject({ code: 'insufficient_quota', reason: 'cap_reached' });
  // There would be money for this one.
  const small = { model: 'gpt-4.1-mini', outputTokens: 1_000 };
  expect(await refused(small)).toMatchObject({ code: 'insufficient_quota', reason: 'blocked' });
  expect(denied.headers.get('x-should-retry')).toBe('false');
  expect(denied.message).toContain(`ask for more at ${server.url}/v1/grants`);
  await soon(async () => expect(await subjects()).toHaveLength(4));

  // Asks, and finance approves from the mail.
  const wish = { cap: CAP, amount: '1.00', reason: 'The report is due' };
  const { id } = await spendcap<{ id: string }>('/grants', wish);
  expect((await refused()).headers.get('x-spendcap-grant')).toBe(`${id}; status=requested`);
  const link = await soon(async () => {
    const about = (await mails()).find(({ text }) => text.includes(id));
    return /\bhttps?:\/\/\S+/.exec(about!.text)![0];
  });
  const decision = { decision: 'approve', amount: '1.00', until: 'window', not_mine: 'yes' };
  const approved = await fetch(link, {
    method: 'POST',
    body: new URLSearchParams(decision),
    redirect: 'manual',
  });
  expect(approved.status).toBe(303);

  // Beyond the limit, within the grant: half of the new limit is another half, told again.
  expect(await call()).toEqual({
    ...{ stage: 'warned', cost: '0.07922', remaining: '0.922608' },
    ...{ model: 'as asked', grant: `${id}; status=approved` },
  });
  expect(await budget()).toMatchObject({ limit: '1.00', effective_limit: '2.00', settled: '1.077392' });

  await soon(async () => expect(events()).toEqual(TOLD_IN_A_DAY));

  // The next day everything is as before the first call.
  vi.setSystemTime(NOON + 12 * HOUR);
  expect(await call()).toMatchObject({ stage: 'normal', remaining: '0.92078', grant: null });
  expect(await budget()).toMatchObject({ effective_limit: '1.00', settled: '0.07922', stage: 'normal' });

  // Finance was mailed each rung once, by what was settled, and so it stands in the books.
  expect(await subjects()).toEqual([
    'Spendcap: alice has used 55.4% of alice-day (warning at 50%)',
    'Spendcap: alice has used 87.1% of alice-day (warning at 80%)',
    'Spendcap: alice is at stage throttled, 95% of alice-day used',
    'Spendcap: alice is blocked, 99.8% of alice-day used',
    'Spendcap: alice asks for $1.00 more on alice-day',
    'Spendcap: alice has used 53.8% of alice-day (warning at 50%)',
  ]);
  const { items } = await admin<{ items: Record<string, string>[] }>('GET', '/usage?user=alice');
  const charges = items.map((charge) => [charge['model_requested'], charge['fallback'], charge['cost_usd']]);
  const asAsked = ['gpt-4.1', null, '0.07922'];
  const byAnother = ['gpt-4.1', 'gpt-4.1-mini', '0.015844'];
  expect(charges.reverse()).toEqual([
    ...Array.from({ length: 12 }, () => asAsked),
    ...Array.from({ length: 3 }, () => byAnother),
    ...[asAsked, asAsked],
  ]);
  expect(await admin('GET', '/ledger/audit')).toMatchObject({
    balanced: true,
    differences: [],
    open_holds: 0,
  });
});

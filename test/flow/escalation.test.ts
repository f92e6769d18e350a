/** From calls to mails on the local server: each rung tells finance once, and the caller sees the stage. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer } from '../../local/server.ts';
import type { Mail } from '../../local/outbox.ts';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';

const THRESHOLDS = { warn: [0.5, 0.8], throttle: 0.9, block: 1 };

const call = (url: string, key: string): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] }),
  });

async function mailsOf(url: string, user: string): Promise<Mail[]> {
  const response = await fetch(`${url}/outbox`, { headers: { accept: 'application/json' } });
  const { items } = (await response.json()) as { items: Mail[] };
  return items.filter(({ text }) => text.startsWith(`User ${user} `));
}

const subjectsOf = async (url: string, user: string): Promise<string[]> =>
  (await mailsOf(url, user)).map(({ subject }) => subject);

describe('a cap of twenty requests', () => {
  let spendcap: LocalSpendcap;
  beforeAll(async () => {
    spendcap = await startSpendcap({ policy: { plans: {}, org: { financeEmail: 'money@example.com' } } });
  });
  afterAll(() => spendcap.close());

  const newCaller = (): Promise<Caller> =>
    spendcap.newCaller([{ metric: 'requests', window: 'month', limit: '20', thresholds: THRESHOLDS }]);
  const calls = async ({ key }: Caller, count: number): Promise<string | null> => {
    let stage: string | null = null;
    for (let i = 0; i < count; i += 1) {
      const response = await call(spendcap.url, key);
      expect(response.status).toBe(200);
      await response.text();
      stage = response.headers.get('x-spendcap-stage');
    }
    return stage;
  };
  const until = (caller: Caller, count: number): Promise<Mail[]> =>
    vi.waitFor(
      async () => {
        const mails = await mailsOf(spendcap.url, caller.user);
        expect(mails).toHaveLength(count);
        return mails;
      },
      { timeout: 10_000, interval: 10 },
    );

  test('tells finance at each rung once, and the caller on the next answer', async () => {
    const caller = await newCaller();
    const { user, key } = caller;
    expect(await calls(caller, 9)).toBe('normal');
    expect(await mailsOf(spendcap.url, user)).toEqual([]);

    expect(await calls(caller, 1)).toBe('warned');
    const [first] = await until(caller, 1);
    expect(first).toMatchObject({
      to: 'money@example.com',
      subject: `Spendcap: ${user} has used 50% of ${user}-0 (warning at 50%)`,
    });
    expect(first!.text).toContain('Used      10 requests');
    expect(first!.text).toContain('Left      10 requests');

    expect(await calls(caller, 6)).toBe('warned');
    await until(caller, 2);
    await calls(caller, 2);
    await until(caller, 3);
    await vi.waitFor(async () => {
      const response = await fetch(`${spendcap.url}/v1/budget`, { headers: { 'x-goog-api-key': key } });
      const { caps } = (await response.json()) as { caps: { stage: string }[] };
      expect(caps[0]!.stage).toBe('throttled');
    });
    expect(await calls(caller, 1)).toBe('throttled');
    expect(await calls(caller, 1)).toBe('blocked');
    await until(caller, 4);

    const refused = await call(spendcap.url, key);
    expect(refused.status).toBe(429);
    expect(await subjectsOf(spendcap.url, user)).toEqual([
      `Spendcap: ${user} has used 50% of ${user}-0 (warning at 50%)`,
      `Spendcap: ${user} has used 80% of ${user}-0 (warning at 80%)`,
      `Spendcap: ${user} is at stage throttled, 90% of ${user}-0 used`,
      `Spendcap: ${user} is blocked, 100% of ${user}-0 used`,
    ]);
  });

  test('in one burst: no rung is mailed twice, and the highest stage in the end', async () => {
    const caller = await newCaller();
    await Promise.all(Array.from({ length: 18 }, () => calls(caller, 1)));
    const isThrottled = (subject: string) => subject.includes('is at stage throttled');
    const hasBeenMailed = async () => (await subjectsOf(spendcap.url, caller.user)).some(isThrottled);
    // Behind the first five mails of a minute: in the next round.
    await expect.poll(hasBeenMailed, { timeout: 10_000 }).toBe(true);
    expect(await calls(caller, 1)).toBe('throttled');
    const subjects = await subjectsOf(spendcap.url, caller.user);
    expect(subjects).toEqual([...new Set(subjects)]);
    expect(subjects.filter(isThrottled)).toHaveLength(1);
  });

  test('shows the mails to people too', async () => {
    const page = await (await fetch(`${spendcap.url}/outbox`)).text();
    expect(page).toContain('money@example.com');
  });
});

test('a restart starts nothing twice, and keeps the mails', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'spendcap-'));
  const start = () =>
    startLocalServer({
      host: '127.0.0.1',
      port: 0,
      dataDirectory,
      adminKey: 'admin-key',
      upstreams: {},
      policy: parsePolicy({
        plans: {
          default: {
            caps: [{ id: 'each', metric: 'requests', window: 'month', limit: '4', thresholds: THRESHOLDS }],
          },
        },
      }),
      report: () => undefined,
    });
  try {
    let server = await start();
    const created = await fetch(`${server.url}/admin/v1/keys`, {
      method: 'POST',
      headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json' },
      body: JSON.stringify({ app: 'web', team: 'growth', user: 'bob' }),
    });
    const { key } = (await created.json()) as { key: string };
    for (let i = 0; i < 2; i += 1) await (await call(server.url, key)).text();
    await server.close();

    server = await start();
    const kept = await mailsOf(server.url, 'bob');
    expect(kept.map(({ to, subject }) => [to, subject])).toEqual([
      ['finance@localhost', 'Spendcap: bob has used 50% of each (warning at 50%)'],
    ]);
    await (await call(server.url, key)).text();
    await server.close();

    server = await start();
    expect(await mailsOf(server.url, 'bob')).toEqual(kept);
    await server.close();
  } finally {
    rmSync(dataDirectory, { recursive: true });
  }
});

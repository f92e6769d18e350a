/** On the local server: reports are the sum of what `usage` lists, call by call, also after a restart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usd } from '../../lambdas/core/money.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';

interface Figures {
  cost_usd: string;
  requests: number;
  tokens: Record<string, number>;
}
interface Charge extends Omit<Figures, 'requests'> {
  user: string | null;
  feature: string;
  outcome: string;
}

const folder = mkdtempSync(join(tmpdir(), 'spendcap-'));
let server: LocalServer;
const start = async (): Promise<void> => {
  server = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: folder, adminKey: 'admin-key', upstreams: {} },
    policy: parsePolicy({ admitUncapped: true, plans: {} }),
    report: (event) => {
      throw new Error(JSON.stringify(event));
    },
  });
};
beforeAll(start);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const admin = async <T>(path: string, body?: object): Promise<T> => {
  const response = await fetch(`${server.url}/admin/v1/${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json' },
  });
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as T;
};

const call = async (key: string, headers: Record<string, string>): Promise<void> => {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] }),
  });
  expect(response.status).toBe(200);
  await response.text();
};

async function compare(): Promise<void> {
  const { items: charges } = await admin<{ items: Charge[] }>('usage?limit=1000');
  const report = await admin<{
    items: (Figures & { user: string | null; feature: string; tags: Record<string, string | null> })[];
    total: Figures;
  }>('reports/spend?group_by=user,feature,tag:env');
  const sum = (all: readonly { cost_usd: string }[]): bigint =>
    all.reduce((total, { cost_usd }) => total + usd(cost_usd), 0n);
  expect(sum([report.total])).toBe(sum(charges));
  expect(report.total.requests).toBe(charges.length);
  for (const line of report.items) {
    const ofLine = charges.filter(({ user, feature }) => user === line.user && feature === line.feature);
    expect(sum([line])).toBe(sum(ofLine));
    expect(line.requests).toBe(ofLine.length);
    expect(line.tokens['output']).toBe(ofLine.reduce((total, { tokens }) => total + tokens['output']!, 0));
  }
}

test('the report is the sum of the charges, at once and after a restart', async () => {
  const { key } = await admin<{ key: string }>('keys', {
    ...{ app: 'web', team: 'growth', scopes: ['call', 'delegate'] },
  });
  for (const [user, feature] of [
    ['alice', 'chat'],
    ['alice', 'search'],
    ['bob', 'chat'],
  ] as const) {
    await call(key, { 'x-spendcap-user': user, 'x-spendcap-feature': feature, 'x-spendcap-tag-env': 'prod' });
  }
  await call(key, {});
  await compare();
  await server.close();
  await start();
  await compare();
});

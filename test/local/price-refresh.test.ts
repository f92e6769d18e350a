/**
 * Prices that change, seen from outside: the local server with two feeds on loopback, asked by the command line as a
 * person would. gpt-4.1 is in force at $2.00 in and $8.00 out.
 */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { runCli, type Ran } from '../cli/run-cli.ts';
import { genaiPrices, liteLlm, timesList } from '../support/feed-documents.ts';
import { startFeedServer, type FeedServer } from '../support/feed-server.ts';

const CARD = 'openai/gpt-4.1@2025-04-14';
let feeds: FeedServer;
let server: LocalServer;
const events: { kind: string; reason?: string }[] = [];

beforeAll(async () => {
  feeds = await startFeedServer();
  serve(1, 1);
  server = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: 'adm_prices', upstreams: {} },
    policy: parsePolicy({ org: { financeEmail: 'finance@example.com' } }),
    priceFeeds: [
      { family: 'genai-prices', url: `${feeds.url}/genai` },
      { family: 'litellm', url: `${feeds.url}/litellm` },
    ],
    report: (event) => events.push(event),
  });
  // The first round runs by itself.
  await vi.waitFor(() => expect(feeds.served).toHaveLength(2));
});
afterAll(async () => {
  await server.close();
  await feeds.close();
});
beforeEach(() => {
  expect(events).toEqual([]);
});

/** So many times the list price, by each. */
function serve(genai: number, litellm: number): void {
  feeds.serve('/genai', genaiPrices(timesList(genai)));
  feeds.serve('/litellm', liteLlm(timesList(litellm)));
}

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const containing = (part: string): unknown => expect.stringContaining(part);

const spendcap = (...args: string[]): Promise<Ran> =>
  runCli(args, { env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: server.adminKey } });

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await spendcap(...args, '--json');
  if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stderr}`);
  return JSON.parse(stdout) as T;
}

async function call() {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.demoKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'gpt-4.1',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Hello' }],
    }),
  });
  const { usage } = (await response.json()) as {
    usage: { prompt_tokens: number; completion_tokens: number };
  };
  return {
    id: response.headers.get('x-spendcap-request-id')!,
    card: response.headers.get('x-spendcap-price-version')!,
    heldUsd: Number(response.headers.get('x-spendcap-reserved-usd')),
    costUsd: response.headers.get('x-spendcap-cost-usd')!,
    listUsd: (usage.prompt_tokens * 2 + usage.completion_tokens * 8) / 1_000_000,
  };
}

const chargeOf = async (id: string): Promise<{ cost_usd: string; price_version: string }> => {
  const response = await fetch(`${server.url}/v1/requests/${id}`, {
    headers: { authorization: `Bearer ${server.demoKey}` },
  });
  return ((await response.json()) as { charge: { cost_usd: string; price_version: string } }).charge;
};

const mails = async (): Promise<{ to: string; subject: string; text: string }[]> => {
  const response = await fetch(`${server.url}/outbox`, { headers: { accept: 'application/json' } });
  return ((await response.json()) as { items: { to: string; subject: string; text: string }[] }).items;
};

test('a changed feed, a pending price, an accepted price, the next call by the new card, the old charge unchanged', async () => {
  const before = await call();
  expect(before.card).toBe(CARD);
  expect(Number(before.costUsd)).toBeCloseTo(before.listUsd, 12);

  serve(2, 1);
  const refresh = await spendcap('price', 'refresh');
  expect(refresh.code).toBe(0);
  expect(refresh.stderr).toBe('1 pending: see spendcap price pending.\n');
  const { items } = await json<{ items: Record<string, unknown>[] }>('price', 'pending');
  expect(items).toMatchObject([
    {
      ...{ model: 'gpt-4.1', family: 'genai-prices' },
      old: { input: '2', cache_read: '0.5', output: '8' },
      new: { input: '4', cache_read: '1', output: '16' },
    },
  ]);
  expect(items[0]!['reason']).toContain('two families or a person');

  // Held at the dearer, charged at the old.
  const during = await call();
  expect(during.card).toBe(CARD);
  expect(during.heldUsd / before.heldUsd).toBeCloseTo(2, 9);
  expect(during.costUsd).toBe(before.costUsd);

  const accepted = await spendcap('price', 'accept', items[0]!['id'] as string);
  expect(accepted).toMatchObject({
    code: 0,
    stderr: matching(/^openai\/gpt-4\.1@20.*Z is in force\.\n$/),
  });
  const after = await call();
  expect(after.card).not.toBe(CARD);
  expect(Number(after.costUsd)).toBeCloseTo(2 * after.listUsd, 12);
  expect(await chargeOf(before.id)).toMatchObject({ cost_usd: before.costUsd, price_version: CARD });

  const history = await json<{ items: Record<string, unknown>[] }>('price', 'history', 'gpt-4.1');
  expect(history.items).toMatchObject([
    { id: after.card, accepted_by: 'person', in_force: true, prices: { input: '4' } },
    { id: CARD, accepted_by: 'release', in_force: false, prices: { input: '2' } },
  ]);

  const again = await spendcap('price', 'accept', items[0]!['id'] as string);
  expect(again).toMatchObject({ code: 1, stderr: containing('is accepted already') });
});

test('finance is told of it, with what it makes of the last thirty days', async () => {
  const [mail, ...more] = await mails();
  expect(more).toEqual([]);
  expect(mail).toMatchObject({
    to: 'finance@example.com',
    subject: matching(/^Spendcap: the price of gpt-4\.1 changed, \+\$0\.\d+ on the last 30 days$/),
  });
  expect(mail!.text).toContain('Input                       $2.00 becomes $4.00 a million tokens (+100%)');
  expect(mail!.text).toContain('Because   a person accepted what genai-prices says');
  expect(mail!.text).toMatch(
    /Calls {5}2 in the last 30 days, charged \$0\.\d+; at the new price about \$0\.\d+ \(\$0\.\d+ more\)/,
  );
});

test('two families that agree need nobody; a feed that fails is named, and the others are read', async () => {
  serve(1.9, 1.9);
  const refresh = await spendcap('price', 'refresh');
  expect(refresh.code).toBe(0);
  expect(refresh.stdout).toMatch(/in force {2}openai\/gpt-4\.1@/);
  expect((await call()).card).toContain('openai/gpt-4.1@20');

  feeds.serve('/litellm', '{"gpt-4.1": ');
  const failed = await spendcap('price', 'refresh');
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/^litellm\s+failed\s+1\s+0\s+0$/m);
  expect(failed.stderr).toMatch(/^litellm failed: it is not JSON: .*\(http:.*\)$/m);
  expect(failed.stderr).toContain('Not read: litellm.');
});

test('an override holds at once, can be listed and ended', async () => {
  serve(1, 1);
  await spendcap('price', 'refresh');
  const list = await call();
  const set = await spendcap('price', 'override', 'set', 'openai/gpt-4.1', '--factor', '0.5');
  expect(set).toMatchObject({ code: 0, stderr: containing('openai/gpt-4.1 is set from 20') });
  const half = await call();
  expect(half.card).toContain('~openai/gpt-4.1@');
  expect(Number(half.costUsd) / Number(list.costUsd)).toBeCloseTo(0.5, 9);

  expect((await spendcap('price', 'override', 'list')).stdout).toMatch(
    /openai\s+gpt-4\.1\s+20\S+\s+0\.5 of the list price/,
  );
  expect((await spendcap('price', 'override', 'end', 'openai/gpt-4.1')).code).toBe(4);
  expect((await spendcap('price', 'override', 'end', 'openai/gpt-4.1', '--yes')).code).toBe(0);
  expect((await call()).card).toBe(list.card);
});

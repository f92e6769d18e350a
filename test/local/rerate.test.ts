/**
 * Charges that turn out to be wrong: a price that held all along becomes known later, and whoever may decides that what
 * was charged is corrected. Seen from outside, by the command line.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { parseSignedUsd } from '../../lambdas/core/money.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { runCli, type Ran } from '../cli/run-cli.ts';

const LIST = 'openai/gpt-4.1@2025-04-14';
const DAY_MS = 86_400_000;
const dayAt = (offset: number): string => new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10);
const SPAN = ['--from', dayAt(-1), '--to', dayAt(2)];
let server: LocalServer;

beforeAll(async () => {
  server = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: 'adm_rerate', upstreams: {} },
    policy: parsePolicy({}),
    priceFeeds: [],
    report: () => undefined,
  });
});
afterAll(() => server.close());

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
  await response.text();
  const [id, cost] = ['x-spendcap-request-id', 'x-spendcap-cost-usd'].map((name) =>
    response.headers.get(name)!,
  );
  return { id: id!, cost: parseSignedUsd(cost!)! };
}

async function settled(): Promise<bigint> {
  const response = await fetch(`${server.url}/v1/budget`, {
    headers: { authorization: `Bearer ${server.demoKey}` },
  });
  const { caps } = (await response.json()) as { caps: { metric: string; settled: string }[] };
  return parseSignedUsd(caps.find(({ metric }) => metric === 'usd')!.settled)!;
}

const containing = (part: string): unknown => expect.stringContaining(part);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

interface Receipt {
  cost_usd: string;
  final_cost_usd: string;
  adjustments: { cost_usd: string; evidence: string; pricing: { total_usd: string } }[];
}
const receiptOf = (id: string) => json<Receipt>('receipt', 'show', id);
const isBalanced = async () => (await json<{ balanced: boolean }>('ledger', 'audit')).balanced;

test('what was charged too much, and then too little, is corrected once, and each receipt shows it', async () => {
  const [first, second] = [await call(), await call()];
  const charged = first.cost + second.cost;
  expect(await settled()).toBe(charged);

  // Nothing has changed: nothing is to be corrected.
  const nothing = await spendcap('price', 'rerate', ...SPAN);
  expect(nothing).toMatchObject({ code: 0, stderr: 'Nothing is to be corrected.\n' });

  // A discount that was agreed for all of the year.
  const agreed = [
    'price',
    'override',
    'set',
    'openai/gpt-4.1',
    '--factor',
    '0.5',
    '--from',
    '2026-01-01T00:00:00Z',
  ];
  expect((await spendcap(...agreed)).code).toBe(0);
  expect(await settled()).toBe(charged);
  const planned = await json<{ models: object[] }>('price', 'rerate', ...SPAN, '--dry-run');
  expect(planned.models).toMatchObject([{ model: 'gpt-4.1', calls: 2, changed: 2 }]);
  const unconfirmed = await spendcap('price', 'rerate', ...SPAN);
  expect(unconfirmed).toMatchObject({ code: 4, stderr: containing('Correct 2 charges?') });
  expect(await settled()).toBe(charged);

  expect((await spendcap('price', 'rerate', ...SPAN, '--yes')).code).toBe(0);
  expect(await settled()).toBe(charged / 2n);
  const receipt = await receiptOf(first.id);
  expect(parseSignedUsd(receipt.cost_usd)).toBe(first.cost);
  expect(parseSignedUsd(receipt.final_cost_usd)).toBe(first.cost / 2n);
  expect(receipt.adjustments).toMatchObject([{ evidence: matching(new RegExp(`^rated again by ${LIST}~`)) }]);
  expect(await isBalanced()).toBe(true);

  // Again, and by two at a time: it is done already.
  const twice = await Promise.all([1, 2].map(() => spendcap('price', 'rerate', ...SPAN, '--yes')));
  expect(twice.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
    Array(2).fill({ code: 0, stderr: 'Nothing is to be corrected.\n' }),
  );

  // It was agreed for a later date, and before it the price was three times as high. By two at a time.
  const dearer = agreed.with(5, '3').with(7, '2026-02-01T00:00:00Z');
  expect((await spendcap(...dearer)).code).toBe(0);
  const raced = await Promise.all([1, 2].map(() => spendcap('price', 'rerate', ...SPAN, '--yes')));
  expect(raced.map(({ code }) => code)).toEqual([0, 0]);
  expect(await settled()).toBe(3n * charged);
  const dear = await receiptOf(second.id);
  expect(dear.adjustments).toHaveLength(2);
  expect(parseSignedUsd(dear.final_cost_usd)).toBe(3n * second.cost);
  expect(dear.adjustments[1]!.pricing.total_usd).toBe(dear.final_cost_usd);
  expect(await isBalanced()).toBe(true);

  const shown = await spendcap('receipt', 'show', second.id, '--json');
  const verified = await runCli(['receipt', 'verify', '-'], { stdin: shown.stdout });
  expect(verified.code).toBe(0);
  const forged = shown.stdout.replace(dear.adjustments[1]!.cost_usd, '0.00');
  expect((await runCli(['receipt', 'verify', '-'], { stdin: forged })).code).toBe(1);

  // The list shows the charges as they were, and beside them their corrections, which add up to the budget.
  const { items } = await json<{ items: { cost_usd: string; outcome: string }[] }>('usage', 'show');
  expect(items.filter(({ outcome }) => outcome === 'adjusted')).toHaveLength(4);
  expect(items.reduce((sum, { cost_usd }) => sum + parseSignedUsd(cost_usd)!, 0n)).toBe(3n * charged);
});

test('calls of another model, user or time are left alone, and what cannot be rated is named', async () => {
  const ofNobody = await json<{ models: object[] }>(
    'price',
    'rerate',
    ...SPAN,
    '--user',
    'nobody',
    '--dry-run',
  );
  expect(ofNobody.models).toEqual([]);
  const before = ['--from', '2020-01-01', '--to', '2020-02-01'];
  expect((await json<{ models: object[] }>('price', 'rerate', ...before, '--dry-run')).models).toEqual([]);
  const other = await json<{ models: object[] }>(
    'price',
    'rerate',
    ...SPAN,
    '--model',
    'gpt-4o',
    '--dry-run',
  );
  expect(other.models).toEqual([]);
  const wrong = await spendcap('price', 'rerate', '--from', 'yesterday', '--to', '2026-01-01');
  expect(wrong).toMatchObject({ code: 2, stderr: containing('is no day or instant') });
});

/**
 * SIGKILL while charges are rated again: what was corrected by then stands, a repeat corrects the rest, and no call is
 * corrected twice. The window is open all the time, so each correction is in the cap at once, also beyond its limit; and
 * the provider's bill at the corrected price is what was charged.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, expect, test } from 'vitest';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { formatUsd } from '../../lambdas/core/money.ts';
import { runCli } from '../cli/run-cli.ts';
import { adminOf, pico } from './admin.ts';
import { endAll, startServer, temporaryFolder, type ServerProcess } from './process.ts';

const CALLS = 80;
const ATTEMPTS_MAX = 8;
/** A window that does not end while the test runs. */
const MONTH = { metric: 'usd', window: 'month', anchor_day: ((new Date().getUTCDate() + 14) % 28) + 1 };
const DAY_MS = 86_400_000;
const dayAt = (offset: number): string => new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10);
const SPAN = { from: `${dayAt(-1)}T00:00:00Z`, to: `${dayAt(2)}T00:00:00Z` };

const folder = temporaryFolder('rerate');
afterAll(async () => {
  await endAll();
  folder.remove();
});
const start = () => startServer({ SPENDCAP_DATA_DIR: `${folder.path}/books` });
const spendcap = (server: ServerProcess, ...args: string[]) =>
  runCli(args, { env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: server.adminKey } });

const client = ({ url }: ServerProcess, apiKey: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const ask = (openai: OpenAI) =>
  openai.chat.completions.create({
    model: 'gpt-4.1',
    max_completion_tokens: 20,
    messages: [{ role: 'user', content: 'Hello' }],
  });

/** From a date of its own, later than those before: it is the one that holds now. */
async function pay(server: ServerProcess, factor: number, attempt: number): Promise<void> {
  const from = `2026-01-${String(attempt).padStart(2, '0')}T00:00:00Z`;
  const set = ['price', 'override', 'set', 'openai/gpt-4.1', '--factor', String(factor), '--from', from];
  expect(await spendcap(server, ...set)).toMatchObject({ code: 0 });
}

async function killWhileRating(server: ServerProcess, delayMs: number): Promise<void> {
  const rating = fetch(`${server.url}/admin/v1/prices/rerate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...SPAN, write: true }),
  }).catch(() => undefined);
  await wait(delayMs);
  server.kill();
  await server.ended;
  await rating;
}

/** What the books say: by call what was charged in all, and how many corrections it has. */
async function charged(server: ServerProcess) {
  const calls = new Map<string, { cost: bigint; corrections: number }>();
  for (const { request_id, cost_usd, outcome } of await adminOf(server).usage(SPAN.from)) {
    const call = calls.get(request_id) ?? { cost: 0n, corrections: 0 };
    const amount = cost_usd.startsWith('-') ? -pico(cost_usd.slice(1)) : pico(cost_usd);
    calls.set(request_id, {
      cost: call.cost + amount,
      corrections: call.corrections + (outcome === 'adjusted' ? 1 : 0),
    });
  }
  return calls;
}

test(
  'a run that is killed midway, and run again, corrects each call once',
  { timeout: 280_000 },
  async () => {
    let server = await start();
    await adminOf(server).putCap('alice-usd', {
      ...MONTH,
      scope: { type: 'user', id: 'alice' },
      limit: '20.00',
    });
    const { key } = await adminOf(server).createKey({ app: 'web', team: 'growth', user: 'alice' });
    for (let made = 0; made < CALLS; made += 10)
      await Promise.all(Array.from({ length: 10 }, () => ask(client(server, key))));
    const base = await charged(server);
    const sum = [...base.values()].reduce((total, { cost }) => total + cost, 0n);
    expect([base.size, sum > 0n]).toEqual([CALLS, true]);

    let delayMs = 100;
    let corrections = 0;
    let factor = 1;
    for (let isMidway = false; !isMidway;) {
      corrections += 1;
      expect(corrections, 'no kill came midway').toBeLessThanOrEqual(ATTEMPTS_MAX);
      factor = 1 + corrections;
      await pay(server, factor, corrections);
      await killWhileRating(server, delayMs);
      server = await start();
      const done = [...(await charged(server)).values()].filter(
        (call) => call.corrections === corrections,
      ).length;
      expect(await adminOf(server).audit()).toMatchObject({ balanced: true, open_holds: 0 });
      isMidway = done > 0 && done < CALLS;
      delayMs = done === 0 ? delayMs * 2 : delayMs / 1.5;

      expect(
        (await spendcap(server, 'price', 'rerate', '--from', SPAN.from, '--to', SPAN.to, '--yes')).code,
      ).toBe(0);
      for (const [id, call] of await charged(server))
        expect(call, id).toEqual({ cost: base.get(id)!.cost * BigInt(factor), corrections });
      expect(pico((await adminOf(server).cap('alice-usd')).settled)).toBe(sum * BigInt(factor));
      expect(await adminOf(server).audit()).toMatchObject({ balanced: true, open_holds: 0 });
    }

    // The provider's bill at that price.
    const midnight = Date.parse(dayAt(0)) / 1000;
    const results = [
      {
        object: 'organization.costs.result',
        amount: { value: formatUsd(picoUsd(sum * BigInt(factor))), currency: 'usd' },
        line_item: 'gpt-4.1-2025-04-14, output',
      },
    ];
    const bill = `${folder.path}/bill.json`;
    writeFileSync(
      bill,
      JSON.stringify({ data: [{ start_time: midnight, end_time: midnight + 86_400, results }] }),
    );
    const days = ['--from', dayAt(-1), '--to', dayAt(2)];
    expect(
      await spendcap(server, 'reconcile', bill, '--provider', 'openai', '--tolerance', '0', ...days),
    ).toMatchObject({ code: 0 });

    // Beyond the limit the cap admits nothing, until a correction gives the money back.
    const limit = formatUsd(picoUsd(sum * BigInt(factor) + sum / 2n));
    await adminOf(server).putCap('alice-usd', { ...MONTH, scope: { type: 'user', id: 'alice' }, limit });
    for (const [next, isAdmitted] of [
      [factor + 1, false],
      [1, true],
    ] as const) {
      corrections += 1;
      await pay(server, next, corrections);
      expect(
        (await spendcap(server, 'price', 'rerate', '--from', SPAN.from, '--to', SPAN.to, '--yes')).code,
      ).toBe(0);
      expect(pico((await adminOf(server).cap('alice-usd')).settled)).toBe(sum * BigInt(next));
      if (isAdmitted) await ask(client(server, key));
      else
        await expect(ask(client(server, key))).rejects.toMatchObject({
          status: 429,
          code: 'insufficient_quota',
        });
      expect((await adminOf(server).audit()).balanced).toBe(true);
    }
  },
);

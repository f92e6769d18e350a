/** `spendcap reconcile`, against a local server with calls by the official SDKs: their bill, as the provider would write it. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDocServer } from '../support/doc-blocks.ts';
import type { LocalServer } from '../../local/server.ts';
import { runCli } from './run-cli.ts';

let server: LocalServer;
let folder: string;
/** What the SDKs were told: tokens of all calls, by provider. */
const told = { openai: { input: 0, output: 0, calls: 0 }, anthropic: { input: 0, output: 0, calls: 0 } };
let days: { from: string; to: string };

const env = () => ({ SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: server.adminKey });
const reconcile = (...args: string[]) => runCli(['reconcile', ...args, '--no-input'], { env: env() });
const file = async (name: string, content: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};

beforeAll(async () => {
  server = await startDocServer();
  folder = await mkdtemp(join(tmpdir(), 'spendcap-reconcile-'));
  const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.demoKey });
  for (const content of ['Hello', 'What is the capital of France?', 'Write a long story about a cap.']) {
    const { usage } = await openai.chat.completions.create({
      model: 'gpt-5-mini',
      messages: [{ role: 'user', content }],
    });
    told.openai.input += usage!.prompt_tokens;
    told.openai.output += usage!.completion_tokens;
    told.openai.calls += 1;
  }
  const anthropic = new Anthropic({ baseURL: server.url, apiKey: server.demoKey });
  for (const content of ['Hello', 'Tell me more.']) {
    const { usage } = await anthropic.messages.create({
      model: 'claude-haiku-4-5',
      max_tokens: 100,
      messages: [{ role: 'user', content }],
    });
    told.anthropic.input += usage.input_tokens;
    told.anthropic.output += usage.output_tokens;
    told.anthropic.calls += 1;
  }
  const { items } = JSON.parse((await runCli(['usage', 'show', '--json'], { env: env() })).stdout) as {
    items: { at: string }[];
  };
  // Of one day, but for a run at midnight: then the bill is of the two together, and not broken down by day here.
  const seen = items.map(({ at }) => at.slice(0, 10)).sort();
  days = { from: seen[0]!, to: seen.at(-1)! };
  expect(days.from, 'run over midnight UTC').toBe(days.to);
}, 60_000);
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const seconds = (day: string): number => Date.parse(day) / 1000;
/** A millionth of a dollar is a million picodollars; rates are dollars for a million tokens, so tokens x rate is these. */
const dollars = (micro: number): string => (micro / 1_000_000).toFixed(12);

const openAiCosts = (factor = 1): string =>
  JSON.stringify({
    object: 'page',
    data: [
      {
        object: 'bucket',
        start_time: seconds(days.from),
        end_time: seconds(days.from) + 86_400,
        results: [
          ['input', told.openai.input, 0.25],
          ['output', told.openai.output, 2],
        ].map(([what, quantity, rate]) => ({
          object: 'organization.costs.result',
          amount: { value: dollars((quantity as number) * (rate as number) * factor), currency: 'usd' },
          line_item: `gpt-5-mini-2025-08-07, ${what as string}`,
          quantity,
          quantity_unit: 'tokens',
        })),
      },
    ],
    has_more: false,
    next_page: null,
  });

describe('a bill that says what was charged', () => {
  it('of OpenAI, as its API answers it: exit 0, to the picodollar', async () => {
    const { code, stdout, stderr } = await reconcile(
      await file('costs.json', openAiCosts()),
      '--provider',
      'openai',
      '--tolerance',
      '0',
      '--json',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Today is not over: both sides may still grow.\n' });
    expect(JSON.parse(stdout)).toMatchObject({
      drifted: false,
      mailed: false,
      items: [
        {
          ...{ day: days.from, model: 'gpt-5-mini', difference_usd: '0.00', difference_percent: '0.00' },
          billed_tokens: { input: told.openai.input, output: told.openai.output },
          our_tokens: { input: told.openai.input, output: told.openai.output },
          our_calls: 3,
        },
      ],
      unknown_names: [],
    });
  });

  it('of Anthropic, as its console exports it, to the cent', async () => {
    const cost = (tokens: number, rate: number): string => ((tokens * rate) / 1_000_000).toFixed(2);
    const csv = [
      'usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,cost_type',
      `${days.from},Claude Haiku 4.5,Default,k,message,≤ 200k,input_no_cache,${cost(told.anthropic.input, 1)},token`,
      `${days.from},Claude Haiku 4.5,Default,k,message,≤ 200k,output,${cost(told.anthropic.output, 5)},token`,
    ].join('\n');
    const { code, stdout } = await reconcile(await file('costs.csv', csv), '--provider', 'anthropic');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^day +model +billed usd +ours usd +difference +%$/m);
    expect(stdout).toMatch(new RegExp(`^${days.from} +claude-haiku-4-5 `, 'm'));
  });

  it('of usage alone: tokens and calls', async () => {
    const usage = {
      object: 'page',
      data: [
        {
          object: 'bucket',
          start_time: seconds(days.from),
          end_time: seconds(days.from) + 86_400,
          results: [
            {
              object: 'organization.usage.completions.result',
              input_tokens: told.openai.input,
              output_tokens: told.openai.output,
              num_model_requests: told.openai.calls,
              model: 'gpt-5-mini-2025-08-07',
            },
          ],
        },
      ],
      has_more: false,
    };
    const path = await file('usage.json', JSON.stringify(usage));
    expect(await reconcile(path, '--provider', 'openai', '--tolerance', '0')).toMatchObject({ code: 0 });
    usage.data[0]!.results[0]!.output_tokens *= 2;
    const { code, stdout } = await reconcile(
      await file('more.json', JSON.stringify(usage)),
      '--provider',
      'openai',
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^model +billed tokens +our tokens +billed calls +our calls$/m);
    expect(stdout).not.toContain('usd');
  });

  it('in two files, costs and usage: each is counted once', async () => {
    const costs = await file('costs.json', openAiCosts());
    const { code, stdout } = await reconcile(
      costs,
      join(folder, 'usage.json'),
      '--provider',
      'openai',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      items: [
        {
          billed_tokens: { input: told.openai.input, output: told.openai.output },
          billed_calls: 3,
          difference_usd: '0.00',
        },
      ],
    });
  });
});

describe('a bill that does not', () => {
  it('exits 1, shows by how much, and tells finance; the books stay as they are', async () => {
    const path = await file('dear.json', openAiCosts(1.1));
    const { code, stdout, stderr } = await reconcile(path, '--provider', 'openai');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^gpt-5-mini .* 9\.09 .* apart$/m);
    expect(stdout).toMatch(/^in all .* 9\.09 .* apart$/m);
    expect(stderr).toContain('Finance is told by mail.');
    expect(stderr).toContain('spendcap: What was billed and what was charged are more than 1 % apart.');
    const outbox = await fetch(`${server.url}/outbox`, { headers: { accept: 'application/json' } });
    const { items } = (await outbox.json()) as { items: { subject: string; text: string }[] };
    const mail = items.findLast(({ subject }) => subject.startsWith('Spendcap: openai bill off by'));
    expect(mail?.subject).toMatch(/\+\$0\.\d+ \(9\.09 %\)/);
    expect(mail?.text).toContain('gpt-5-mini: billed $');
    expect((await runCli(['ledger', 'audit'], { env: env() })).code).toBe(0);
  });

  it('is near enough for who says so', async () => {
    const path = await file('dear.json', openAiCosts(1.1));
    expect(await reconcile(path, '--provider', 'openai', '--tolerance', '10%')).toMatchObject({ code: 0 });
  });

  it('names models that nobody knows, days that are outside, and days that are not on it', async () => {
    const bill = JSON.parse(openAiCosts()) as {
      data: { start_time: number; end_time: number; results: object[] }[];
    };
    bill.data[0]!.results = [
      {
        object: 'organization.costs.result',
        amount: { value: 3, currency: 'usd' },
        line_item: 'gpt-9-omega, input',
      },
    ];
    bill.data.unshift({
      start_time: seconds(days.from) - 86_400,
      end_time: seconds(days.from),
      results: [
        { object: 'organization.costs.result', amount: { value: 1, currency: 'usd' }, line_item: 'x, input' },
      ],
    });
    const path = await file('other.json', JSON.stringify(bill));
    const { code, stdout, stderr } = await reconcile(path, '--provider', 'openai', '--from', days.from);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^gpt-9-omega .* no model known here, apart$/m);
    expect(stderr).toContain('No price card has these names, so the total alone decides: gpt-9-omega.');
    const before = new Date(Date.parse(days.from) - 86_400_000).toISOString().slice(0, 10);
    expect(stderr).toContain(`which were not compared: ${before}.`);
    const empty = await file(
      'empty.json',
      JSON.stringify({ ...bill, data: [{ ...bill.data[1]!, results: [] }] }),
    );
    expect((await reconcile(empty, '--provider', 'openai')).stderr).toContain(
      `for which the bill has nothing: ${days.from}.`,
    );
  });
});

describe('is refused, exit 2:', () => {
  it.each([
    ['a file that is not there', ['none.csv', '--provider', 'openai'], /none\.csv cannot be read: ENOENT/],
    ['no provider', ['costs.json'], /--provider/],
    [
      'another provider',
      ['costs.json', '--provider', 'google'],
      /Allowed choices are openai, anthropic, aws/,
    ],
    [
      'the bill of another',
      ['costs.json', '--provider', 'anthropic'],
      /costs\.json: has a bucket without starting_at/,
    ],
    [
      'a tolerance in words',
      ['costs.json', '--provider', 'openai', '--tolerance', 'some'],
      /is no percentage/,
    ],
    ['a day that is none', ['costs.json', '--provider', 'openai', '--from', 'yesterday'], /is no day/],
  ])('%s', async (_, [name, ...args], message) => {
    const { code, stderr } = await reconcile(join(folder, name!), ...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
  });
});

it('reads a bill from stdin', async () => {
  const { code } = await runCli(['reconcile', '-', '--provider', 'openai'], {
    env: env(),
    stdin: openAiCosts(),
  });
  expect(code).toBe(0);
});

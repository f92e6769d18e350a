/**
 * Prices that begin at an instant to come, and those of a time of the day, seen from outside: the local server over
 * HTTP, agreed and checked by the command line as a person would.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { runCli, type Ran } from '../cli/run-cli.ts';

const LIST = 'openai/gpt-4.1@2025-04-14';
let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: 'adm_dates', upstreams: {} },
    policy: parsePolicy({}),
    priceFeeds: [],
    report: () => undefined,
  });
});
afterAll(() => server.close());

const spendcap = (args: readonly string[], stdin = ''): Promise<Ran> =>
  runCli(args, { env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: server.adminKey }, stdin });

interface Shown {
  request_id: string;
  cost_usd: string;
  pricing: {
    from: string;
    total_usd: string;
    cards: { id: string; sha256: string; card: object }[];
    lines: { factor: string }[];
  };
}
async function call(model: string): Promise<Shown> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.demoKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] }),
  });
  if (!response.ok) throw new Error(await response.text());
  await response.text();
  const id = response.headers.get('x-spendcap-request-id')!;
  const shown = await fetch(`${server.url}/v1/requests/${id}`, {
    headers: { authorization: `Bearer ${server.demoKey}` },
  });
  return ((await shown.json()) as { receipt: Shown }).receipt;
}

/** Without a server: from the document alone. */
const verify = async (receipt: Shown): Promise<number | null> =>
  (await runCli(['receipt', 'verify', '-'], { stdin: JSON.stringify(receipt) })).code;

test('a discount from an instant on: calls before by the list, calls after by the share, and both receipts verify', async () => {
  const calls: Shown[] = [await call('gpt-4.1')];
  // A whole second, which is written in one way only.
  const from = new Date(Math.ceil(Date.now() / 1000 + 3) * 1000).toISOString().replace('.000Z', 'Z');
  const set = await spendcap([
    'price',
    'override',
    'set',
    'openai/gpt-4.1',
    '--factor',
    '0.5',
    '--from',
    from,
  ]);
  expect(set).toMatchObject({ code: 0, stderr: `openai/gpt-4.1 is set from ${from}.\n` });

  await vi.waitFor(
    async () => {
      const last = await call('gpt-4.1');
      calls.push(last);
      expect(last.pricing.cards[0]!.id).not.toBe(LIST);
    },
    { timeout: 20_000, interval: 100 },
  );
  // Each by what held at its own instant, whichever the machine's pace made it.
  for (const { pricing } of calls) {
    const isBefore = Date.parse(pricing.from) < Date.parse(from);
    expect(pricing.cards[0]!.id).toBe(isBefore ? LIST : `${LIST}~openai/gpt-4.1@${from}`);
  }
  const [first, last] = [calls[0]!, calls.at(-1)!];
  expect(Number(first.cost_usd) / Number(last.cost_usd)).toBeCloseTo(2, 9);
  expect([await verify(first), await verify(last)]).toEqual([0, 0]);

  const { cards, ...rest } = first.pricing;
  const swapped = { ...first, pricing: { ...rest, cards: last.pricing.cards } };
  const cheaper = { ...first, cost_usd: last.cost_usd };
  expect([await verify(swapped), await verify(cheaper)]).toEqual([1, 1]);
  expect(cards[0]!.id).toBe(LIST);
});

test('a card of one’s own with a time of the day: shown, charged by, and no other is believed', async () => {
  const today = new Date().getUTCDay();
  const otherDay = (today + 3) % 7;
  const cardOf = (weekdays: number[]) =>
    JSON.stringify({
      ...{ endpoints: ['openai-chat'], rates: { input: '1', output: '1' } },
      ...{ context_tokens: 100_000, max_output_tokens: 10_000 },
      periods: [{ from: '00:00', to: '24:00', weekdays, factor: '2' }],
    });
  // The test may run over midnight.
  const models = { dear: cardOf([today, (today + 1) % 7]), cheap: cardOf([otherDay]) };
  for (const [model, card] of Object.entries(models)) {
    const set = await spendcap(['price', 'override', 'set', `openai/${model}`, '--card', '-'], card);
    expect(set).toMatchObject({ code: 0 });
  }
  const [dear, cheap] = [await call('dear'), await call('cheap')];
  expect(dear.pricing.lines.map(({ factor }) => factor)).toEqual(['2', '2']);
  expect(cheap.pricing.lines.map(({ factor }) => factor)).toEqual(['1', '1']);
  expect([await verify(dear), await verify(cheap)]).toEqual([0, 0]);
  const asIfCheap = JSON.parse(JSON.stringify(dear).replaceAll('"factor":"2"', '"factor":"1"')) as Shown;
  expect(await verify(asIfCheap)).toBe(1);

  const listed = await spendcap(['price', 'history', 'cheap', '--json']);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    items: [{ in_force: true, periods: [{ from: '00:00', to: '24:00', weekdays: [otherDay], factor: '2' }] }],
  });
  const wrong = await spendcap(
    ['price', 'override', 'set', 'openai/late', '--card', '-'],
    cardOf([1]).replace('"to":"24:00"', '"to":"00:00"'),
  );
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('a period ends after it begins');
});

/** docs/prices.md is run, with the feed of its example on loopback; and it names everybody who may change a price. */
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cardSchema } from '../lambdas/admin/price-views.ts';
import { parsePolicy } from '../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../local/server.ts';
import { blocksOf, runBlock } from './support/doc-blocks.ts';

const WRITTEN_TO = '/tmp/prices.json';
const folder = mkdtempSync(join(tmpdir(), 'spendcap-prices-guide-'));
const file = join(folder, 'prices.json');

let feed: Server;
let server: LocalServer;
beforeAll(async () => {
  writeFileSync(file, '{}');
  feed = createServer((_, answer) => createReadStream(file).pipe(answer));
  await new Promise<void>((resolve) => feed.listen(0, '127.0.0.1', resolve));
  const { port } = feed.address() as AddressInfo;
  server = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: undefined, upstreams: {} },
    policy: parsePolicy({}),
    priceFeeds: [{ family: 'litellm', url: `http://127.0.0.1:${port}/` }],
    report: () => undefined,
  });
});
afterAll(async () => {
  await server.close();
  feed.close();
  rmSync(folder, { recursive: true });
});

test('a feed that says twice the price: pending, held at the dearer, accepted, the next call by the new card', async () => {
  const [example, ...more] = blocksOf('docs/prices.md', ['sh']).filter(({ isRun }) => isRun);
  expect(more).toEqual([]);
  expect(example!.text).toContain(WRITTEN_TO);
  const printed = await runBlock({ ...example!, text: example!.text.replaceAll(WRITTEN_TO, file) }, server);
  const all = (name: string) =>
    [...printed.matchAll(new RegExp(`^x-spendcap-${name}: (.*)$`, 'gm'))].map(([, value]) => value!);
  const [held, cost] = [all('reserved-usd').map(Number), all('cost-usd').map(Number)];
  expect([held[1]! / held[0]!, held[2]! / held[0]!]).toEqual([2, 2]);
  expect([cost[1]! / cost[0]!, cost[2]! / cost[0]!]).toEqual([1, 2]);
  const [before, during, after] = all('price-version');
  expect([before, during]).toEqual(['openai/gpt-4.1@2025-04-14', 'openai/gpt-4.1@2025-04-14']);
  expect(after).toMatch(/^openai\/gpt-4\.1@20.*Z$/);
  expect(printed).toMatch(
    /^pp_\w+ {2}openai\/gpt-4\.1, by litellm\n {2}input 2 -> 4\n {2}cache_read 0\.5 -> 1\n {2}output 8 -> 16$/m,
  );
  expect(printed).toMatch(/^20\S+Z +yes +4 +1 +16 +person\n2025-04-14 +2 +0\.5 +8 +release$/m);
}, 120_000);

test('names each on whose word a card may have come', () => {
  const document = readFileSync(new URL('../docs/prices.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\|.*\| `(\w+)` +\|$/gm)].map(([, by]) => by);
  expect(rows.sort()).toEqual([...cardSchema.shape.accepted_by.options].sort());
});

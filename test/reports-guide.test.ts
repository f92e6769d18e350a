/** docs/reports.md is run. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

const blocks = blocksOf('docs/reports.md', ['sh']);

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.demoKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] }),
  });
  expect(response.status).toBe(200);
  await response.text();
});
afterAll(() => server.close());

test('its commands show a call that was just made', async () => {
  expect(blocks).toHaveLength(1);
  const printed = await runBlock(blocks[0]!, server);
  expect(printed).toMatch(/^user +cost usd +requests +tokens\nspendcap-demo +0\.\d+ +1 +\d+\n/);
  expect(printed).toMatch(
    /\nfrom +team +model[^]*\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +spendcap-demo +gpt-5-mini/,
  );
  const ofAlice = JSON.parse(printed.slice(printed.indexOf('{'))) as { items: object[]; total: object };
  expect(ofAlice).toMatchObject({ items: [], total: { cost_usd: '0.00', requests: 0 } });
}, 60_000);

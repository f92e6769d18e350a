/** docs/ladder.md is run, with the policy that it shows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

const GUIDE = 'docs/ladder.md';

let server: LocalServer;
beforeAll(async () => {
  const [policy] = blocksOf(GUIDE, ['json']);
  server = await startDocServer(JSON.parse(policy!.text));
});
afterAll(() => server.close());

test('its command gives a cap the ladder of its policy', async () => {
  const [block, ...others] = blocksOf(GUIDE, ['sh']);
  expect(others).toEqual([]);
  await runBlock(block!, server);
  const response = await fetch(`${server.url}/admin/v1/caps/alice-month`, {
    headers: { authorization: `Bearer ${server.adminKey}` },
  });
  expect(await response.json()).toMatchObject({ limit: '20.00', ladder: 'careful' });
}, 60_000);

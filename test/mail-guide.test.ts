/** docs/mail.md is run: its command sends the mail that it promises. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
});
afterAll(() => server.close());

test('its command puts a mail into the outbox', async () => {
  const [block, ...others] = blocksOf('docs/mail.md', ['sh']);
  expect(others).toEqual([]);
  await runBlock(block!, server);
  const response = await fetch(`${server.url}/outbox`, { headers: { accept: 'application/json' } });
  expect(await response.json()).toMatchObject({
    items: [{ to: 'finance@localhost', subject: 'Spendcap: a test, nothing has happened' }],
  });
}, 60_000);

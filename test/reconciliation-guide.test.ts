/** docs/reconciliation.md is run. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

const blocks = blocksOf('docs/reconciliation.md', ['sh']);

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
});
afterAll(() => server.close());

test('compares a call with a bill that says more, and finance hears of it', async () => {
  const [example, ...more] = blocks.filter(({ isRun }) => isRun);
  expect(more).toEqual([]);
  const printed = await runBlock(example!, server);
  expect(printed).toMatch(/^day +model +billed usd +ours usd +difference +%$/m);
  expect(printed).toMatch(/^gpt-5-mini +0\.50 +0\.0\d+ +0\.4\d+ +\d+\.\d\d +apart$/m);
  expect(printed).toMatch(/^exit code 1$/m);
  const outbox = await fetch(`${server.url}/outbox`, { headers: { accept: 'application/json' } });
  const { items } = (await outbox.json()) as { items: { subject: string }[] };
  expect(items.map(({ subject }) => subject)).toContainEqual(
    expect.stringMatching(/openai bill off by \+\$0\.4/),
  );
}, 60_000);

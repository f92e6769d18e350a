/** docs/receipts.md is run. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

const blocks = blocksOf('docs/receipts.md', ['sh']);

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
});
afterAll(() => server.close());

test('shows a call, verifies it with and without the server, and finds a changed amount', async () => {
  expect(blocks).toHaveLength(2);
  // One shell, as a reader has one: the second example goes on with the request of the first.
  const text = blocks.map((block) => block.text).join('\n');
  const [shown, verified, fromAnswer, ...differences] = (
    await runBlock({ language: 'sh', isRun: true, text }, server)
  )
    .split(/^(?=req_\w+: |sha256: )/m)
    .map((part) => part.trim());
  expect(shown).toMatch(
    /^request +req_\w+\n[^]*\nusage block +\{"prompt_tokens":[^]*\ninput +\d+ +0\.25 +1000000/,
  );
  expect(shown).toMatch(/\ncard +openai\/gpt-5-mini@[^]*\nsha-256 +[0-9a-f]{64}\n[^]*\ncharged \$0\.0\d+$/);
  const id = /req_\w+/.exec(shown!)![0];
  expect(verified).toMatch(new RegExp(`^${id}: 2 lines computed again, \\$0\\.0\\d+$`));
  expect(fromAnswer).toBe(verified);
  expect(differences.join('\n')).toMatch(
    /^sha256: [^]*^cost_usd: expected 0\.0\d+, found 1\.0\d+$[^]*^exit code 1$/m,
  );
}, 60_000);

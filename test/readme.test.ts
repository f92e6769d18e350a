/**
 * The README is run: each shell and JavaScript block, in order, against a local Spendcap, as a reader would
 * (Python blocks: test/clients/python). Blocks marked `no-run` need what a test has not.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

/** The first block is what starts the server: `npm ci` and `npm start`, the setting of this test. */
const [start, ...examples] = blocksOf('README.md', ['sh', 'js']).filter(({ isRun }) => isRun);

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
});
afterAll(() => server.close());

describe('the README', () => {
  test('starts with two commands', () => {
    expect(start!.text).toBe('npm ci\nnpm start\n');
  });

  /** What a reader sees of each example, in order. */
  const expected: [what: string, output: RegExp][] = [
    ['curl', /HTTP\/1\.1 200 OK[\s\S]*x-spendcap-cost-usd: 0\.0[\s\S]*"cost": ?"0\.0/],
    ['the OpenAI SDK', /simulated provider[\s\S]*this call cost \$0\.0/],
    ['the Azure client of the OpenAI SDK', /simulated provider.* 0\.0/],
    ['the Anthropic SDK', /simulated provider.* 0\.0/],
    ['the AWS SDK', /simulated provider/],
    ['the AI SDK', /simulated provider/],
    ['LangChain', /simulated provider/],
    ['keys and caps', /sck_local_[\s\S]*alice-month[\s\S]*everyone-minute/],
    [
      'a team of two',
      /simulated provider[\s\S]*simulated provider[\s\S]*"user":"bob"[\s\S]*"id":"team-design-month"[^{]*\{"type":"team","id":"design"\}/,
    ],
    ['usage, audit and quote', /gpt-5-mini[\s\S]*balanced: [\s\S]*0\.00065/],
  ];
  test.each(expected.map(([what, output], i) => ({ what, output, example: examples[i]! })))(
    '$what',
    async ({ output, example }) => {
      expect(await runBlock(example, server)).toMatch(output);
    },
    30_000,
  );

  test('has no example that is not run', () => {
    expect(examples).toHaveLength(expected.length);
  });
});

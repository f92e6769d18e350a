/** docs/retries.md is run, with the policy that it shows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

const GUIDE = 'docs/retries.md';
const examples = blocksOf(GUIDE, ['sh', 'js']);
const [policy, ...otherPolicies] = blocksOf(GUIDE, ['json']);

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer(JSON.parse(policy!.text));
});
afterAll(() => server.close());

describe('docs/retries.md', () => {
  /** What a reader sees of each example, in order. */
  const expected: [what: string, output: RegExp][] = [
    ['curl', /200 OK[\s\S]*("chatcmpl-\w+")[\s\S]*200 OK[\s\S]*x-spendcap-replayed: true[\s\S]*\1/],
    ['the OpenAI SDK', /^true true\ncharged \$0\.0\d+, once\n$/],
    ['what became of it', /"status":"charged".*"outcome":"settled"/],
  ];
  test.each(expected.map(([what, output], i) => ({ what, output, example: examples[i]! })))(
    '$what',
    async ({ output, example }) => {
      expect(await runBlock(example, server)).toMatch(output);
    },
    30_000,
  );

  test('pays for each call once', () => {
    expect(server.provider!.requests()).toHaveLength(2);
  });

  test('has no example that is not run', () => {
    expect(examples).toHaveLength(expected.length);
    expect(examples.every(({ isRun }) => isRun)).toBe(true);
    expect(otherPolicies).toEqual([]);
  });
});

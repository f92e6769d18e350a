/** docs/caps.md is run, with the policy that it shows; what it shows of each answer is what comes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer, type DocBlock } from './support/doc-blocks.ts';

const GUIDE = 'docs/caps.md';
const [policies, blocks] = partition(blocksOf(GUIDE, ['sh', 'json', 'text']), isPolicy);

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer(JSON.parse(policies[0]!.text));
});
afterAll(() => server.close());

describe(GUIDE, () => {
  test('shows one policy, and runs every example', () => {
    expect(policies).toHaveLength(1);
    expect(blocks.filter(({ language }) => language === 'sh').length).toBeGreaterThan(4);
    expect(blocks.every(({ isRun }) => isRun)).toBe(true);
  });

  const examples = blocks.flatMap((block, i) =>
    block.language === 'sh'
      ? [{ name: block.text.split('\n')[0]!.slice(0, 70), block, shown: blocks[i + 1] }]
      : [],
  );
  test.each(examples)(
    '$name',
    async ({ block, shown }) => {
      const output = await runBlock(block, server);
      if (shown?.language === 'json')
        expect(JSON.parse(output)).toEqual(withWildcards(JSON.parse(shown.text)));
      if (shown?.language === 'text') {
        for (const line of shown.text.trimEnd().split('\n')) expect(spaced(output)).toContain(spaced(line));
      }
      expect(output).not.toBe('');
    },
    60_000,
  );
});

function isPolicy({ language, text }: DocBlock): boolean {
  return language === 'json' && text.includes('"plans"');
}

/** `"…"` is any text. */
function withWildcards(shown: unknown): unknown {
  if (shown === '…') return expect.any(String);
  if (Array.isArray(shown)) return shown.map(withWildcards);
  if (typeof shown !== 'object' || shown === null) return shown;
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, withWildcards(value)]));
}

/** Columns are as wide as their widest row. */
function spaced(text: string): string {
  return text.replaceAll(/ +/g, ' ');
}

function partition<T>(all: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  return [all.filter(test), all.filter((one) => !test(one))];
}

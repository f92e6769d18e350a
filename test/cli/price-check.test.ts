import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spendcap-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileWith(content: unknown): Promise<string> {
  const file = join(folder, 'vectors.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const vector = (id: string, expected: string): object => ({
  id,
  dialect: 'openai-chat',
  model: 'gpt-4o',
  usage: { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 },
  prices: { unit: 'USD per 1e6 tokens', rates: { input: '2.50', output: '10' } },
  expected_cost_usd: expected,
});

describe('price check', () => {
  it('exits 0 when every vector agrees', async () => {
    const file = await fileWith({
      format: 'cost-vectors/1',
      vectors: [vector('one', '0.0075'), vector('two', '0.0075')],
    });
    expect(await runCli(['price', 'check', file])).toEqual({
      code: 0,
      stdout: '2 passed, 0 failed\n',
      stderr: '',
    });
  });

  it('prints a line each for those that differ, and exits 1', async () => {
    const file = await fileWith({
      format: 'cost-vectors/1',
      vectors: [
        vector('one', '0.0075'),
        vector('doubled', '0.00375'),
        { ...vector('strange', '1'), dialect: 'morse' },
      ],
    });
    expect(await runCli(['price', 'check', file])).toEqual({
      code: 1,
      stdout: [
        'doubled: expected 0.00375, got 0.0075, factor 2',
        'strange: expected 1.00, got no reader for the dialect morse',
        '1 passed, 2 failed',
        '',
      ].join('\n'),
      stderr: 'spendcap: Amounts differ from what the file expects.\n',
    });
  });

  it('--json prints the same as data', async () => {
    const file = await fileWith({ format: 'cost-vectors/1', vectors: [vector('doubled', '0.00375')] });
    const { code, stdout } = await runCli(['price', 'check', file, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      differences: [{ id: 'doubled', expected: '0.00375', got: '0.0075', factor: '2' }],
      passed: 0,
      failed: 1,
    });
  });

  it.each([
    ['{"format": "other/1", "vectors": []}', 'is not in the format cost-vectors/1.'],
    ['{', 'is not JSON'],
  ])('exits 2 for %s', async (content, said) => {
    const { code, stdout, stderr } = await runCli(['price', 'check', await fileWith(content)]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
  });
});

/**
 * The README is run: each shell and JavaScript block, in order, against a local Spendcap, as a reader would
 * (Python blocks: test/clients/python). Blocks marked `no-run` need what a test has not.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePolicy } from '../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../local/server.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const ROOT = new URL('..', import.meta.url).pathname;
const PRINTED_URL = 'http://127.0.0.1:8787';
const run = promisify(execFile);

const blocks = [...README.matchAll(/^```(sh|js)( no-run)?\n([\s\S]*?)^```$/gm)].map(
  ([, language, noRun, text]) => ({ language: language!, isRun: noRun === undefined, text: text! }),
);
/** The first block is what starts the server: `npm ci` and `npm start`, the setting of this test. */
const [start, ...examples] = blocks.filter(({ isRun }) => isRun);

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer({
    host: '127.0.0.1',
    port: 0,
    dataDirectory: undefined,
    adminKey: undefined,
    upstreams: {},
    policy: parsePolicy({}),
    report: () => undefined,
  });
});
afterAll(() => server.close());

/** What the block printed. Fails where a command of it fails. */
async function runBlock({ language, text }: { language: string; text: string }): Promise<string> {
  const script = text.replaceAll(PRINTED_URL, server.url);
  const [command, args] =
    language === 'sh'
      ? ['bash', ['-euo', 'pipefail', '-c', script]]
      : [process.execPath, ['--input-type=module', '-e', script]];
  const { stdout } = await run(command, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      SPENDCAP_KEY: server.demoKey,
      SPENDCAP_ADMIN_KEY: server.adminKey,
      SPENDCAP_URL: server.url,
    },
  });
  return stdout;
}

describe('the README', () => {
  test('starts with two commands', () => {
    expect(start!.text).toBe('npm ci\nnpm start\n');
  });

  /** What a reader sees of each example, in order. */
  const expected: [what: string, output: RegExp][] = [
    ['curl', /HTTP\/1\.1 200 OK[\s\S]*x-spendcap-cost-usd: 0\.0[\s\S]*"cost": ?"0\.0/],
    ['the OpenAI SDK', /simulated provider[\s\S]*this call cost \$0\.0/],
    ['the Anthropic SDK', /simulated provider.* 0\.0/],
    ['the AI SDK', /simulated provider/],
    ['LangChain', /simulated provider/],
    ['keys and caps', /sck_local_[\s\S]*alice-month[\s\S]*everyone-minute/],
    ['usage, audit and quote', /gpt-5-mini[\s\S]*balanced: [\s\S]*0\.00065/],
  ];
  test.each(expected.map(([what, output], i) => ({ what, output, example: examples[i]! })))(
    '$what',
    async ({ output, example }) => {
      expect(await runBlock(example)).toMatch(output);
    },
    30_000,
  );

  test('has no example that is not run', () => {
    expect(examples).toHaveLength(expected.length);
  });
});

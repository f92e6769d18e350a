/** The contract suites of the table and of the ledger, on the emulator's DynamoDB. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { omissions } from './contract-omissions.ts';
import type { Emulator } from './emulator.ts';
import type { Story } from './story.ts';

const ROOT = join(import.meta.dirname, '../..');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const CONFIG = 'test/aws/contract-vitest.config.ts';

export async function contractSuites(story: Story, { variables }: Emulator): Promise<void> {
  story.step('The contracts of the table and of the ledger, on the emulator’s DynamoDB');
  const started = performance.now();
  const { results, output } = await runVitest(variables);
  const isOmitted = (title: string): boolean =>
    omissions.some(({ tests }) => tests.some((test) => title.startsWith(test)));
  const passed = results.filter(({ status }) => status === 'passed');
  const failed = results.filter(({ status, title }) => status === 'failed' && !isOmitted(title));
  const omitted = results.filter(({ status, title }) => status === 'failed' && isOmitted(title));

  story.add({ passed: passed.length, failed: failed.length });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  story.say(
    `${passed.length} tests hold, ${failed.length} do not; ${omitted.length} known gaps of the emulator (${seconds} s)`,
  );
  for (const { fullName, failureMessages } of failed) {
    story.say(`FAIL  ${fullName}: ${failureMessages[0]?.split('\n', 1)[0] ?? ''}`);
  }
  for (const { why, tests } of omissions) story.say(`gap   ${why} (${tests.length} tests)`);
  for (const test of omissions.flatMap(({ tests }) => tests)) {
    if (results.length === 0 || omitted.some(({ title }) => title.startsWith(test))) continue;
    story.say(`CHANGED: the emulator now passes "${test}"; take it off the list of omissions`);
  }
  await story.check('both suites ran', async () => {
    const ran = (suite: string): boolean => passed.some(({ fullName }) => fullName.startsWith(suite));
    if (!ran('table on the emulator') || !ran('the ledger on the emulator')) throw new Error(output);
    return undefined;
  });
}

interface Result {
  title: string;
  fullName: string;
  status: 'passed' | 'failed' | 'skipped' | 'pending' | 'todo';
  failureMessages: string[];
}

async function runVitest(env: Record<string, string>): Promise<{ results: Result[]; output: string }> {
  const scratch = mkdtempSync(join(tmpdir(), 'spendcap-contract-'));
  const file = join(scratch, 'results.json');
  try {
    const output = await run([VITEST, 'run', '--root', '.', '--config', CONFIG, '--outputFile', file], env);
    return { results: readResults(file), output };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readResults(file: string): Result[] {
  try {
    const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as {
      testResults: { assertionResults: Result[] }[];
    };
    return testResults.flatMap(({ assertionResults }) => assertionResults);
  } catch {
    return []; // vitest ended before it could write
  }
}

function run(parameters: string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(process.execPath, parameters, {
      cwd: ROOT,
      env: { ...env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}

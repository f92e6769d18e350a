/**
 * `npm run overshoot`, smaller: the same run, the same verdict. And what the README shows of it is what it prints,
 * but for the figures of a run.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = new URL('../..', import.meta.url).pathname;
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const SMALLER = ['--users', '10', '--concurrency', '30', '--team-cap', '0.25'];
const NOTHING_EXCEEDED =
  /^overshoot: \$0\.00 \(provider billed \$0\.\d+ of \$\d\.\d\d; 0 of \d+ caps exceeded\)$/m;

/** A line without its figures and its widths. */
const masked = (line: string): string => line.replaceAll(/\$?\d[\d.,]*/g, 'N').replaceAll(/ +/g, ' ');

test('ten users, a kill midway, and no cap exceeded', { timeout: 300_000 }, async () => {
  const run = promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'bench/overshoot/main.ts', ...SMALLER],
    { cwd: ROOT },
  );
  // A run that shows nothing, or worse, ends with 1; what it printed says which claim did not hold.
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  expect(stdout).toMatch(NOTHING_EXCEEDED);
  expect(stdout).not.toMatch(/^FAILED/m);
  const printed = stdout.split('\n').map(masked);
  expect(printed.filter((line) => line.startsWith('ok'))).toHaveLength(7);

  const [, shown] = /^npm run overshoot\n```\n\n```text\n([\s\S]+?)```$/m.exec(README)!;
  expect(shown).toMatch(NOTHING_EXCEEDED);
  const lines = shown!.split('\n').filter((line) => line !== '…');
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines) expect(printed).toContain(masked(line));
});

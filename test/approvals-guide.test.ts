/** docs/approvals.md is run: one asks, a mail comes, another decides by command, and the next response says so. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { resourcesOf, synthesised } from './constructs/stacks.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

const GUIDE = 'docs/approvals.md';
const guide = readFileSync(new URL(`../${GUIDE}`, import.meta.url), 'utf8');
const examples = blocksOf(GUIDE, ['sh']).filter(({ isRun }) => isRun);

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
});
afterAll(() => server.close());

describe(GUIDE, () => {
  const printed: string[] = [];
  /** What a reader sees of each example, in order. */
  const expected: [what: string, output: RegExp][] = [
    ['by the command', /demo-month[\s\S]*grant_\w{26}/],
    ['by the API', /"id":"grant_\w{26}","status":"requested"/],
    ['deciding', /demo-month[\s\S]*approved[\s\S]*2\.00/],
    ['what the next response says', /^x-spendcap-grant: grant_\w{26}; status=approved\r?\n$/],
  ];
  test.each(expected.map(([what, output], i) => ({ what, output, example: examples[i]! })))(
    '$what',
    async ({ output, example }) => {
      const said = await runBlock(example, server);
      printed.push(said);
      expect(said).toMatch(output);
    },
    30_000,
  );

  test('one request is open at a time, and everything is about it', () => {
    const ids = printed.flatMap((said) => [...said.matchAll(/grant_\w{26}/g)].map(([id]) => id));
    expect(ids.length).toBeGreaterThan(expected.length);
    expect(new Set(ids).size).toBe(1);
  });

  test('finance has one mail, whose link shows what became of it', async () => {
    const outbox = await fetch(`${server.url}/outbox`, { headers: { accept: 'application/json' } });
    const { items } = (await outbox.json()) as { items: { subject: string; text: string }[] };
    const mails = items.filter(({ subject }) => subject.includes('asks for'));
    expect(mails).toHaveLength(1);
    const [link] = /http:\/\/\S+\/approve\?token=\S+/.exec(mails[0]!.text)!;
    const page = await fetch(link);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Approved by')]);
  });

  test('has no example that is not run, but those that need a second request', () => {
    expect(examples).toHaveLength(expected.length);
    const others = blocksOf(GUIDE, ['sh']).filter(({ isRun }) => !isRun);
    expect(others.map(({ text }) => text.match(/grant_…/g)?.length)).toEqual([2]);
  });

  test('names what the stacks have', () => {
    const { stateless } = synthesised();
    const machines = Object.values(resourcesOf(stateless, 'AWS::StepFunctions::StateMachine'));
    const names = machines.map(({ Properties }) => String(Properties['StateMachineName']));
    expect(guide).toContain('`spendcap-<stage>-approval`');
    expect(names).toContain('spendcap-prod-approval');
    const outputs = Object.keys(stateless.findOutputs('*'));
    for (const output of ['Url', 'FinanceTopicArn']) expect(outputs).toContain(output);
    const runbook = readFileSync(new URL('../docs/runbook.md', import.meta.url), 'utf8');
    for (const section of ['approval-failed', 'dead-letters-approvals']) {
      expect(guide).toContain(`\`${section}\``);
      expect(runbook).toContain(`## ${section}\n`);
    }
  });
});

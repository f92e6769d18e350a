/**
 * docs/deploy.md is checked where it can be without an account: names against lib/, sums against their factors, and
 * the commands of ours by running them against a front that checks signatures as IAM does. The rest of its commands is
 * followed in an emulator of AWS (test/aws/guide).
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { App } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { probeCap } from '../lambdas/canary/probe.ts';
import { readDeployment } from '../lib/deployment.ts';
import { reviewedCards } from '../prices/reviewed.ts';
import { policy, resourcesOf, synthesised } from './constructs/stacks.ts';
import { CREDENTIALS, startIamFront } from './support/iam-front.ts';
import { startDocServer } from './support/doc-blocks.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const guide = read('docs/deploy.md');
const commands = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
const { stateful, stateless } = synthesised();

describe('names', () => {
  test('each context value and its default', () => {
    const rows = [...guide.matchAll(/^\| `(\w+)` +\| (?:`([^`]+)`|none) +\|/gm)];
    const declared = [...read('lib/deployment.ts').matchAll(/^ {2}(\w+): (?:z|upstream|origin)\b/gm)].map(
      (match) => match[1]!,
    );
    expect(rows.map((row) => row[1]).sort()).toEqual(declared.sort());
    const defaults = readDeployment(new App(), policy) as unknown as Record<string, unknown>;
    for (const [, name, value] of rows) expect(defaults[name!]?.toString()).toBe(value);
  });

  test('each stack, and each output that a command reads', () => {
    const outputs = {
      stateful: Object.keys(stateful.findOutputs('*')),
      stateless: Object.keys(stateless.findOutputs('*')),
    };
    const named = [...guide.matchAll(/\$\(output (\w+) (\w+)\)/g)];
    expect(named.length).toBeGreaterThan(5);
    for (const [, stack, name] of named) expect(outputs[stack as keyof typeof outputs]).toContain(name);
    const stacks = new Set(guide.match(/spendcap-prod-\w+/g));
    expect(stacks).toEqual(new Set(['spendcap-prod-stateful', 'spendcap-prod-stateless']));
  });
});

describe('costs', () => {
  const tables = guide.split(/^\| what .*$/m).slice(1);
  const linesOf = (table: string) =>
    [...table.matchAll(/^\| (.+?) *\| +([\d.]+) \| (.+?) +\| ([\d.]+) +\| +([\d.]+) \|$/gm)].map((match) => ({
      what: match[1]!,
      quantity: Number(match[2]),
      each: Number(match[4]),
      cents: Math.round(Number(match[5]) * 100),
    }));

  test.each(tables.map((table, i) => ({ table, i })))('table $i: factors and total', ({ table }) => {
    const lines = linesOf(table);
    expect(lines.length).toBeGreaterThan(7);
    for (const { what, quantity, each, cents } of lines)
      expect(Math.round(quantity * each * 100 + 1e-6), what).toBe(cents);
    const total = /^\| total .*\*\*([\d.]+)\*\* \|$/m.exec(table)![1];
    expect(lines.reduce((sum, { cents }) => sum + cents, 0)).toBe(Math.round(Number(total) * 100));
  });

  test('are what the README says', () => {
    const totals = [...guide.matchAll(/\*\*([\d.]+)\*\*/g)].map((match) => match[1]!);
    const readme = read('README.md');
    expect(readme).toContain(`about $${totals[0]!} a month`);
    expect(readme).toContain(`a million calls of 10 seconds about $${Math.round(Number(totals[1]))}`);
  });

  test('count what the stacks have', () => {
    const quantity = (what: string): number =>
      linesOf(tables[0]!).find((line) => line.what.startsWith(what))!.quantity;
    const count = (type: string): number =>
      [stateful, stateless].reduce((sum, stack) => sum + Object.keys(resourcesOf(stack, type)).length, 0);
    expect(count('AWS::CloudWatch::Alarm')).toBeLessThanOrEqual(quantity('alarms'));
    expect(quantity('secrets')).toBe(count('AWS::SecretsManager::Secret'));
    expect(guide).toContain(`${reviewedCards.length} price cards`);
    expect(quantity('DynamoDB reads')).toBeCloseTo(((reviewedCards.length + 1) * 730) / 1e6, 6);
  });
});

describe('the commands that need no AWS', () => {
  test.each([
    ['a role', 'token//example+=='],
    ['a user without a session', undefined],
  ])('as %s: a key, a cap and a call, and the canary holds', async (_who, sessionToken) => {
    const server = await startDocServer();
    const front = await startIamFront({ ...server, sessionToken });
    try {
      const blocks = commands.filter((text) => /^(export SPENDCAP_URL=|curl |npx spendcap )/m.test(text));
      expect(blocks).toHaveLength(4);
      // In place of the stacks' outputs and of the AWS CLI.
      const stand = 'output() { echo "$FRONT"; }\naws() { echo "aws $*"; }';
      const { stdout } = await promisify(execFile)(
        'bash',
        ['-eo', 'pipefail', '-c', [stand, ...blocks].join('\n')],
        {
          cwd: fileURLToPath(new URL('..', import.meta.url)),
          env: {
            ...{ PATH: process.env['PATH'], AWS_REGION: 'us-east-1', ...CREDENTIALS },
            ...{ FRONT: front.url, SPENDCAP_SIGN: 'aws' },
            ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
          },
        },
      );
      expect(stdout).toMatch(/alice-month +user:alice +usd +month +20\.00/);
      expect(stdout).toMatch(/HTTP\/1\.1 200[\s\S]*x-spendcap-cap: alice-month/);
      expect(stdout).toMatch(/alice +web +default +gpt-5-mini .*settled/);
      expect(stdout).toContain('balanced: ');
      const [, secret] = /^aws secretsmanager put-secret-value .*--secret-string (.*)$/m.exec(stdout)!;
      const { key } = JSON.parse(secret!) as { key: string };
      expect(await probeCap({ gatewayUrl: server.url, key })).toMatchObject({ kind: 'held' });
    } finally {
      await front.close();
      await server.close();
    }
  });
});

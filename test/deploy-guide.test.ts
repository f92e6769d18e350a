/**
 * docs/deploy.md is checked where it can be without an account: names against lib/, sums against their factors, and
 * the signed requests by running them against a front that checks signatures as IAM does.
 */
import { execFile } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { App } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { probeCap } from '../lambdas/canary/probe.ts';
import { parsePolicy } from '../lambdas/core/policy/policy.ts';
import { readDeployment } from '../lib/deployment.ts';
import { startLocalServer } from '../local/server.ts';
import { reviewedCards } from '../prices/reviewed.ts';
import { policy, resourcesOf, synthesised } from './constructs/stacks.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const guide = read('docs/deploy.md');
const commands = [...guide.matchAll(/^```sh( no-run)?\n([\s\S]*?)^```$/gm)].map((match) => match[2]!);
const { stateful, stateless } = synthesised();

describe('names', () => {
  test('each context value and its default', () => {
    const rows = [...guide.matchAll(/^\| `(\w+)` +\| (?:`([^`]+)`|none) +\|/gm)];
    const declared = [...read('lib/deployment.ts').matchAll(/^ {2}(\w+): z/gm)].map((match) => match[1]!);
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

describe('signed requests', () => {
  const credentials = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret+example/key' };

  test.each([
    ['a role', { AWS_SESSION_TOKEN: 'token//example+==' }],
    ['a user without a session', {}],
  ])('as %s: caps and keys are made, and the canary holds', async (_who, session) => {
    const server = await startLocalServer({
      host: '127.0.0.1',
      port: 0,
      dataDirectory: undefined,
      adminKey: undefined,
      upstreams: {},
      policy: parsePolicy({}),
      report: () => undefined,
    });
    const token = 'AWS_SESSION_TOKEN' in session ? session.AWS_SESSION_TOKEN : undefined;
    const front = await iamFront(server, credentials.AWS_SECRET_ACCESS_KEY, token);
    try {
      const setUp = commands.find((text) => text.includes('--aws-sigv4'))!;
      const calls = commands.filter((text) => /^admin (PUT|POST)/.test(text));
      expect(calls).toHaveLength(2);
      const script = [setUp.replace(/^URL=.*$/m, `URL="${front.url}"`), ...calls].join('\n');
      const { stdout } = await promisify(execFile)('bash', ['-eo', 'pipefail', '-c', script], {
        env: { PATH: process.env['PATH'], ...credentials, ...session, AWS_REGION: 'us-east-1' },
      });
      const keys = [...stdout.matchAll(/"key":"(sck_\w+)"/g)].map((match) => match[1]!);
      expect(keys).toHaveLength(2);
      expect(stdout).toMatch(/"id":"alice-month"[\s\S]*"limit":"20.00"/);
      expect(await probeCap({ gatewayUrl: server.url, key: keys[1]! })).toMatchObject({ kind: 'held' });
    } finally {
      await front.close();
      await server.close();
    }
  });
});

/** Checks signatures, as API Gateway does for IAM, and hands on what is signed. The stage is part of the path. */
async function iamFront(
  { url, adminKey }: { url: string; adminKey: string },
  secret: string,
  token: string | undefined,
): Promise<{ url: string; close: () => Promise<void> }> {
  const front = createServer((request, response) => {
    void (async () => {
      const body = (await request.toArray()).join('');
      const isSigned =
        request.headers['x-amz-security-token'] === token &&
        signatureOf(request, body, secret) === /Signature=(\w+)/.exec(request.headers.authorization!)?.[1];
      const answer = await fetch(url + request.url!.replace('/prod', ''), {
        method: request.method!,
        headers: {
          authorization: isSigned ? `Bearer ${adminKey}` : 'no',
          'content-type': 'application/json',
        },
        body,
      });
      response.writeHead(answer.status).end(await answer.text());
    })();
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}/prod/`,
    close: () => new Promise((resolve) => front.close(() => resolve())),
  };
}

/** Signature Version 4, from its definition. Undefined where the scope is another one. */
function signatureOf(request: IncomingMessage, body: string, secret: string): string | undefined {
  const { authorization = '', 'x-amz-date': time } = request.headers;
  const scope = /Credential=\w+\/(\d{8}\/us-east-1\/execute-api\/aws4_request)/.exec(authorization)?.[1];
  const signed = /SignedHeaders=([\w;-]+)/.exec(authorization)?.[1];
  if (scope === undefined || signed === undefined || !signed.includes('host')) return undefined;
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest();
  const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, request.url, '', headers.join(''), signed, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, toSign).toString('hex');
}

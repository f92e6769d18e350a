/** docs/webhooks.md is followed: its policy, a secret made as it says, its receiver, and an event that arrives there. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pauseAfter } from '../lambdas/core/webhooks/delivery.ts';
import { parseWebhookSecrets } from '../lambdas/core/webhooks/signature.ts';
import { parsePolicy } from '../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../local/server.ts';
import { policy, synthesised } from './constructs/stacks.ts';
import { blocksOf, runBlock, startDocServer } from './support/doc-blocks.ts';

const GUIDE = 'docs/webhooks.md';
const ROOT = new URL('..', import.meta.url).pathname;
const guide = readFileSync(`${ROOT}${GUIDE}`, 'utf8');
const shell = blocksOf(GUIDE, ['sh']);
const [makeSecret, sendTest, trigger] = shell.filter(({ isRun }) => isRun);
const [receiver, ...otherPrograms] = blocksOf(GUIDE, ['js']);
const [shown, ...otherPolicies] = blocksOf(GUIDE, ['json']);

let secret = '';
let port = 0;
let listening: ChildProcess | undefined;
let server: LocalServer | undefined;
let printed = '';

beforeAll(async () => {
  const quiet = await startDocServer();
  secret = (await runBlock(makeSecret!, quiet)).trim();
  await quiet.close();
  port = await freePort();
}, 30_000);
afterAll(async () => {
  await server?.close();
  listening?.kill();
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return free;
}

describe(GUIDE, () => {
  test('the secret is one that signs', () => {
    expect(parseWebhookSecrets(JSON.stringify({ chat: secret })).get('chat')).toEqual([secret]);
  });

  test('an event arrives at its receiver, and is verified there', async () => {
    const program = receiver!.text.replace('3000', String(port));
    listening = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: ROOT,
      env: { ...process.env, WEBHOOK_SECRET: secret },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    listening.stdout!.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const { webhooks } = JSON.parse(shown!.text) as { webhooks: { url: string }[] };
    webhooks[0]!.url = `http://127.0.0.1:${port}/spendcap`;
    await vi.waitFor(() => fetch(webhooks[0]!.url), { timeout: 20_000, interval: 50 });
    server = await startLocalServer({
      ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: undefined, upstreams: {} },
      policy: parsePolicy({ webhooks }),
      webhookSecrets: new Map([['chat', [secret]]]),
      report: () => undefined,
    });
    await runBlock(sendTest!, server);
    await vi.waitFor(() => expect(printed).toMatch(/^Test undefined test_\w+\n$/), { timeout: 10_000 });
    await runBlock(trigger!, server);
    await vi.waitFor(() => expect(printed).toMatch(/\nGrantRequested demo-month [0-9a-f]{64}\n$/), {
      timeout: 10_000,
    });
  }, 60_000);

  test('has no example that is not followed', () => {
    expect(shell.filter(({ isRun }) => isRun)).toHaveLength(3);
    expect([otherPrograms, otherPolicies]).toEqual([[], []]);
    for (const { text } of shell.filter(({ isRun }) => !isRun)) expect(text).toContain('whsec_…');
  });

  test('names what the stacks have, and the pauses that are made', () => {
    const { webhooks } = parsePolicy(JSON.parse(shown!.text));
    const { stateless } = synthesised({}, { ...policy, webhooks });
    expect(Object.keys(stateless.findOutputs('*'))).toContain('WebhookSecretArn');
    const seconds = Array.from({ length: 8 }, (_, i) => pauseAfter(i + 1)! / 1000);
    expect(seconds).toEqual([5, 30, 300, 1800, 7200, 14_400, 28_800, 36_000]);
    expect(guide).toContain(
      '5 seconds, 30 seconds, 5 minutes, 30 minutes, 2, 4, 8 and 10 hours: nine attempts',
    );
  });
});

/** Stored answers on the local server: the key beside the books, and what has expired deleted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { everyItem } from '../../lambdas/core/pages.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer } from '../../local/server.ts';
import { startExpirySweeper } from '../../local/expiry.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { ledgerOver, NOON } from '../support/worlds.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spendcap-answers-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const STORING = { apps: [{ id: 'demo', team: 'demo', storeAnswers: { retentionHours: 1 } }] };

/** A server of its own, asked once under one key. */
async function askOnce(dataDirectory: string | undefined, policy = STORING) {
  const server = await startLocalServer({
    host: '127.0.0.1',
    port: 0,
    dataDirectory,
    adminKey: undefined,
    upstreams: {},
    policy: parsePolicy(policy),
    report: (event) => {
      throw new Error(JSON.stringify(event));
    },
  });
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.demoKey}`,
      'content-type': 'application/json',
      'idempotency-key': 'the-same',
    },
    body: '{"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]}',
  });
  const text = await response.text();
  const sent = server.provider!.requests().length;
  await server.close();
  return { status: response.status, replayed: response.headers.get('x-spendcap-replayed'), text, sent };
}

describe('with a data directory', () => {
  it('an answer outlives the server, with its key in a file that only its owner reads', async () => {
    const first = await askOnce(folder);
    expect(first).toMatchObject({ status: 200, replayed: null, sent: 1 });
    expect(statSync(join(folder, 'answer-key.txt')).mode & 0o777).toBe(0o600);
    const again = await askOnce(folder);
    expect(again).toEqual({ ...first, replayed: 'true', sent: 0 });
  });

  it('stands nowhere in the books in clear text', async () => {
    const { text } = await askOnce(folder);
    const { id } = JSON.parse(text) as { id: string };
    expect(id.length).toBeGreaterThan(8);
    const files = readdirSync(folder);
    expect(files).toContain('answer-key.txt');
    for (const file of files) expect(readFileSync(join(folder, file)).includes(id), file).toBe(false);
  });

  it('another key leaves the repeat with its charge', async () => {
    await askOnce(folder);
    writeFileSync(join(folder, 'answer-key.txt'), 'another secret of more than 32 characters\n');
    const again = await askOnce(folder);
    expect(again).toMatchObject({ status: 409, sent: 0 });
    expect(again.text).toContain('already_charged');
  });

  it('makes no key where no app stores answers', async () => {
    await askOnce(folder, { apps: [] });
    expect(readdirSync(folder)).not.toContain('answer-key.txt');
  });
});

describe('the sweeper', () => {
  it('deletes what has expired, every hour, and nothing else', async () => {
    const clock = new SteppedClock();
    const { table } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
    const seconds = BigInt(NOON / 1000);
    const items = { 'R#old': seconds, 'R#soon': seconds + 3600n, 'R#later': seconds + 3601n };
    for (const [pk, ttl] of Object.entries(items))
      await table.put({ item: { pk, sk: '-', s: 'sealed', ttl } });
    await table.put({ item: { pk: 'C#charge', sk: '-', at: 1n } });
    const standing = async (): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const { pk } of everyItem((at) => table.scan(at))) found.push(pk);
      return found.sort();
    };
    const reported: string[] = [];
    const sweeper = startExpirySweeper({ table, clock, report: (reason) => void reported.push(reason) });
    await clock.pass(1);
    expect(await standing()).toEqual(['C#charge', 'R#later', 'R#soon']);
    await clock.pass(3600);
    expect(await standing()).toEqual(['C#charge', 'R#later']);
    await sweeper.stop();
    expect(reported).toEqual([]);
  });
});

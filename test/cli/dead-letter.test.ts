import { afterEach, describe, expect, it } from 'vitest';
import { fakeServer, runCli, type FakeServer, type Ran } from './run-cli.ts';

let server: FakeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function run(answers: Parameters<typeof fakeServer>[0], ...args: string[]): Promise<Ran> {
  server = await fakeServer(answers);
  return runCli(['dead-letter', ...args], {
    env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: 'adm_1' },
  });
}

const WEBHOOKS = {
  ...{ queue: 'webhooks', messages: 3, oldest_at: '2026-11-24T12:00:00Z' },
  reasons: [
    { reason: 'it answered 401', messages: 2 },
    { reason: 'no answer within 15 s', messages: 1 },
  ],
};
const EMPTY = { queue: 'collector', messages: 0, oldest_at: null, reasons: [] };
const list = (...items: object[]) => ({
  'GET /admin/v1/dead-letters': [200, { items, next_cursor: null }] as [number, unknown],
});

describe('list', () => {
  it('shows the queues that have something', async () => {
    const { code, stdout, stderr } = await run(list(WEBHOOKS, EMPTY), 'list');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'queue     messages  oldest                why\n' +
        'webhooks         3  2026-11-24T12:00:00Z  it answered 401 (2); no answer within 15 s\n',
    );
  });

  it('says so where there is nothing', async () => {
    expect(await run(list(EMPTY), 'list')).toEqual({
      ...{ code: 0, stdout: '', stderr: 'Nothing lies in a dead-letter queue.\n' },
    });
  });
});

describe('redrive', () => {
  const path = 'POST /admin/v1/dead-letters/webhooks/redrive';

  it('exits 1 where some stay, says why, and where to read on', async () => {
    const answer = { redriven: 2, kept: 1, reasons: ['the bus did not take it'], next_cursor: null };
    const { code, stderr } = await run({ [path]: [200, answer] }, 'redrive', 'webhooks');
    expect(code).toBe(1);
    expect(server!.seen[0]!.body).toEqual({});
    expect(stderr).toBe(
      '2 messages were worked again.\n' +
        'spendcap: 1 stay in the queue: the bus did not take it.\n' +
        'What to do: docs/runbook.md#dead-letters-webhooks.\n',
    );
  });
});

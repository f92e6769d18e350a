import { afterEach, expect, it } from 'vitest';
import { fakeServer, runCli, type FakeServer } from './run-cli.ts';

let server: FakeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

it('exits 1 where the receiver did not take the test, and shows what it answered', async () => {
  const answer = { delivered: false, status: 401, ms: 12, reason: null, webhook_id: 'test_1' };
  server = await fakeServer({ 'POST /admin/v1/webhooks/chat/test': [200, answer] });
  const ran = await runCli(['webhook', 'test', 'chat'], {
    env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: 'adm_1' },
  });
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toContain('spendcap: chat answered 401 (12 ms).\n');
  expect(ran.stderr).toContain('docs/webhooks.md');
});

import { afterEach, expect, it } from 'vitest';
import { fakeServer, runCli, type FakeServer, type Ran } from './run-cli.ts';

let server: FakeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const SUBJECT = 'Spendcap: a test, nothing has happened';

async function run(answer: [number, unknown], ...args: string[]): Promise<Ran> {
  server = await fakeServer({ 'POST /admin/v1/mail/test': answer });
  return runCli(['mail', 'test', ...args], {
    env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: 'adm_1' },
  });
}

it('says where the mail went, and where to look if it does not come', async () => {
  const { code, stdout, stderr } = await run([202, { to: 'money@example.com', subject: SUBJECT, text: 'T' }]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toBe(
    `Sent to money@example.com: "${SUBJECT}".\nIf it does not come within minutes: docs/mail.md.\n`,
  );
});

it('says that the policy names nobody', async () => {
  const { code, stderr } = await run([202, { to: null, subject: SUBJECT, text: 'T' }]);
  expect(code).toBe(0);
  expect(stderr).toContain('the policy file has no org.financeEmail');
});

it('prints what the API gave with --json', async () => {
  const answer = { to: 'money@example.com', subject: SUBJECT, text: 'T' };
  const { stdout } = await run([202, answer], '--json');
  expect(JSON.parse(stdout)).toEqual(answer);
});

it('exits 1 where the mail was not taken', async () => {
  const problem = { type: 'about:blank', title: 'The mail was not taken', status: 502 };
  const detail = 'Whoever sends the mails said: no such topic';
  const { code, stderr } = await run([502, { ...problem, code: 'mail_not_taken', detail }]);
  expect(code).toBe(1);
  expect(stderr).toContain('no such topic');
});

/** A change whose answer is lost may have been made: whoever asked for it is told so, and where to look. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fakeServer, runCli } from './run-cli.ts';

let cutting: Server;
let url: string;
beforeAll(async () => {
  cutting = createServer((request, response) => {
    request.resume().on('end', () => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(cutting, 'listening');
  url = `http://127.0.0.1:${(cutting.address() as AddressInfo).port}`;
});
afterAll(() => void cutting.close());

it.each([
  [['cap', 'delete', 'alice-month', '--yes'], 'cap list'],
  [['key', 'create', '--app', 'web', '--team', 'growth'], 'key list'],
  [['user', 'set', 'alice', '--team', 'growth'], 'user list'],
  [['quarantine', 'lift', 'gpt-5-mini', '--yes'], 'quarantine list'],
])('%j: the change may have been made', async (words, list) => {
  const { code, stdout, stderr } = await runCli([...words, '--url', url]);
  expect({ code, stdout, stderr }).toEqual({
    code: 3,
    stdout: '',
    stderr: `spendcap: The answer of ${url} was lost (other side closed): the change may have been made.\nLook before you repeat it: spendcap ${list}.\n`,
  });
});

it('a read whose answer is lost changed nothing', async () => {
  const { code, stderr } = await runCli(['cap', 'list', '--url', url]);
  expect(code).toBe(3);
  expect(stderr).toContain(`No Spendcap answers at ${url} (other side closed).`);
});

it('a cap that is gone already says so', async () => {
  const problem = { title: 'There is nothing here', detail: 'There is no cap "alice-month".', status: 404 };
  const server = await fakeServer({ 'DELETE /admin/v1/caps/alice-month': [404, problem] });
  const { code, stderr } = await runCli(['cap', 'delete', 'alice-month', '--yes', '--url', server.url]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'spendcap: There is nothing here: There is no cap "alice-month".\n',
  });
  await server.close();
});

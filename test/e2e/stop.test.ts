/**
 * Stopping and refusing to start. SIGTERM: nobody new is let in, calls in flight get their whole answer and are
 * settled, the process ends with 0, and the next one finds the same books. What cannot work is said in words a
 * person can act on, with exit code 1.
 */
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { adminOf, pico } from './admin.ts';
import {
  endAll,
  startInVain,
  startServer,
  temporaryFolder,
  type ServerProcess,
  type TemporaryFolder,
} from './process.ts';

/** On a busy machine a process takes its time. */
const PATIENT = { timeout: 20_000 };

const folders: TemporaryFolder[] = [];
function folder(): string {
  const made = temporaryFolder('stop');
  folders.push(made);
  return made.path;
}
afterEach(async () => {
  await endAll();
  for (const made of folders.splice(0)) made.remove();
});

describe('SIGTERM', () => {
  test('lets calls in flight end, keeps the books for the next process, and nobody new comes in', async () => {
    const environment = { SPENDCAP_DATA_DIR: folder() };
    const server = await startServer(environment);
    const { key } = await prepare(server);
    // Both last longer than it takes to get to the signal; the provider waits, the test does not.
    const plain = call(server, key, { output: 'output=50 delay=2500', stream: false });
    const stream = await call(server, key, { output: 'output=60 chunks=10 chunk-delay=250', stream: true });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let streamed = (await reader.read()).value!;

    await expect.poll(async () => (await adminOf(server).audit()).open_holds, PATIENT).toBe(2);

    server.terminate();
    await server.said('Stopping: calls in flight are answered and settled first.');
    await expect.poll(() => connecting(server), PATIENT).toBe('ECONNREFUSED');

    for (let read = await reader.read(); !read.done; read = await reader.read()) streamed += read.value;
    expect(streamed).toMatch(/data: \[DONE\]\n\n$/);
    const answer = (await (await plain).json()) as { usage: { completion_tokens: number; cost: string } };
    expect(answer.usage.completion_tokens).toBe(50);
    expect(await server.ended).toMatchObject({ code: 0, signal: null });

    const next = await startServer(environment);
    const admin = adminOf(next);
    expect(await admin.audit()).toMatchObject({ balanced: true, open_holds: 0, differences: [] });
    const usage = await admin.usage('2026-01-01T00:00:00Z');
    expect(usage.map(({ outcome, user }) => [user, outcome])).toEqual([
      ['ada', 'settled'],
      ['ada', 'settled'],
    ]);
    expect(usage.map(({ cost_usd }) => cost_usd)).toContain(answer.usage.cost);
    const cap = await admin.cap('ada-lifetime');
    expect(cap).toMatchObject({ limit: '3.00', reserved: '0.00' });
    expect(pico(cap.settled)).toBe(usage.reduce((sum, { cost_usd }) => sum + pico(cost_usd), 0n));
    expect((await call(next, key, { output: 'output=5', stream: false })).status).toBe(200);
    expect(next.demoKey).toBe(server.demoKey);
  });

  test('with nothing in flight ends at once, also with idle connections', async () => {
    const server = await startServer({});
    await (await fetch(`${server.url}/healthz`)).text();
    server.terminate();
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
  });
});

describe('a server that cannot start says why and ends with 1', () => {
  test('a second one on the same data directory, and the first is not disturbed', async () => {
    const environment = { SPENDCAP_DATA_DIR: folder() };
    const first = await startServer(environment);
    await expectRefusal(
      startInVain(environment),
      `${environment.SPENDCAP_DATA_DIR} is in use by process ${first.pid}. Stop it first`,
    );
    const { key } = await prepare(first);
    expect((await call(first, key, { output: 'output=5', stream: false })).status).toBe(200);
  });

  test('a port in use, and the data directory is free again', async () => {
    const first = await startServer({});
    const { port } = new URL(first.url);
    const environment = { SPENDCAP_DATA_DIR: folder() };
    await expectRefusal(
      startInVain({ ...environment, PORT: port }),
      `Port ${port} of 127.0.0.1 is in use; stop what uses it, or set PORT to another.`,
    );
    const next = await startServer(environment);
    next.terminate();
    expect((await next.ended).code).toBe(0);
  });

  test('an environment with mistakes: all of them, without the secret', async () => {
    const { stderr } = await expectRefusal(
      startInVain({
        PORT: 'http',
        SPENDCAP_OPENAI_BASE_URL: 'https://api.openai.com/v1',
        SPENDCAP_ADMIN_KEY: 'secret',
      }),
      'PORT is "http": it must be a port number.',
    );
    expect(stderr).toContain(
      'SPENDCAP_OPENAI_BASE_URL is "https://api.openai.com/v1": it must be without path',
    );
    expect(stderr).toContain('SPENDCAP_ADMIN_KEY must have 8 characters at least.');
    expect(stderr).not.toContain('secret');
  });

  test('a data directory that is a file', async () => {
    const file = `${folder()}/books`;
    writeFileSync(file, 'not a folder');
    await expectRefusal(startInVain({ SPENDCAP_DATA_DIR: file }), `SPENDCAP_DATA_DIR is "${file}"`);
    expect(readFileSync(file, 'utf8')).toBe('not a folder');
  });

  test('books that are no database, and they are left as they are', async () => {
    const path = folder();
    writeFileSync(`${path}/spendcap.db`, 'this was never a database '.repeat(100));
    await expectRefusal(startInVain({ SPENDCAP_DATA_DIR: path }), `SPENDCAP_DATA_DIR is "${path}"`);
    expect(readFileSync(`${path}/spendcap.db`, 'utf8')).toBe('this was never a database '.repeat(100));
  });

  test('a policy file that is missing, is no file, or does not parse', async () => {
    const path = folder();
    await expectRefusal(
      startInVain({ SPENDCAP_CONFIG: `${path}/none.json` }),
      `${path}/none.json: it cannot be read (ENOENT).`,
    );
    mkdirSync(`${path}/folder.json`);
    await expectRefusal(
      startInVain({ SPENDCAP_CONFIG: `${path}/folder.json` }),
      `${path}/folder.json: it cannot be read (EISDIR).`,
    );
    writeFileSync(`${path}/half.json`, '{"org":');
    await expectRefusal(
      startInVain({ SPENDCAP_CONFIG: `${path}/half.json` }),
      `${path}/half.json: it is no JSON`,
    );
    writeFileSync(`${path}/half.ts`, 'export default {');
    await expectRefusal(
      startInVain({ SPENDCAP_CONFIG: `${path}/half.ts` }),
      `${path}/half.ts: it cannot be run`,
    );
  });
});

/** One line that says so, then what to mend; no trace of a stack. */
async function expectRefusal(
  ending: ReturnType<typeof startInVain>,
  message: string,
): ReturnType<typeof startInVain> {
  const ended = await ending;
  expect(ended.stderr).toContain(`Spendcap did not start.\n`);
  expect(ended.stderr).toContain(message);
  expect(ended.stderr).not.toMatch(/^ {4}at /m);
  expect(ended).toMatchObject({ code: 1, signal: null, stdout: '' });
  return ended;
}

async function prepare(server: ServerProcess): Promise<{ key: string }> {
  const admin = adminOf(server);
  await admin.putCap('ada-lifetime', {
    scope: { type: 'user', id: 'ada' },
    metric: 'usd',
    window: 'lifetime',
    limit: '3.00',
  });
  return admin.createKey({ app: 'web', team: 'growth', user: 'ada' });
}

/** `connect`, or the error's code. */
async function connecting({ url }: ServerProcess): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return 'connect';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code!;
  } finally {
    socket.destroy();
  }
}

function call(
  { url }: ServerProcess,
  key: string,
  { output, stream }: { output: string; stream: boolean },
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'gpt-4.1-mini',
      stream,
      max_completion_tokens: 200,
      messages: [{ role: 'user', content: `Hello [[sim ${output}]]` }],
    }),
  });
}

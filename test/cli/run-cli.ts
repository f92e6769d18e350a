/** Runs the real CLI as a child process, and a small real HTTP server for it to talk to. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../bin/spendcap.mjs', import.meta.url));

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export async function runCli(
  args: readonly string[],
  { env = {}, stdin = '' }: { env?: Record<string, string>; stdin?: string } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(stdin);
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

export interface Seen {
  method: string;
  path: string;
  authorization: string | undefined;
  body: unknown;
}

export interface FakeServer {
  url: string;
  seen: Seen[];
  close: () => Promise<void>;
}

/** Answers `METHOD /path` by table with [status, body]; everything else with a 404 problem. */
export async function fakeServer(
  answers: Record<string, [status: number, body: unknown]>,
): Promise<FakeServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const path = request.url ?? '';
      seen.push({
        method: request.method ?? '',
        path,
        authorization: request.headers.authorization,
        body: body === '' ? undefined : (JSON.parse(body) as unknown),
      });
      const [status, answer] = answers[`${request.method!} ${path}`] ?? [
        404,
        { title: 'Not found', detail: `Nothing is at ${path}.`, status: 404 },
      ];
      response.writeHead(status, {
        'content-type': status < 400 ? 'application/json' : 'application/problem+json',
      });
      response.end(answer === undefined ? '' : typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

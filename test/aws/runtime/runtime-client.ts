/**
 * Lambda's own runtime client (`aws-lambda-ric`), in an ignored folder of its own: the packages are pinned by the lock
 * file in `client/`, and a part in C++ is compiled when they are installed, for which not every machine has the tools.
 */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type RuntimeClient =
  | { kind: 'ready'; entry: string; version: string }
  /** Something that the machine does not have. */
  | { kind: 'left_out'; reason: string }
  /** Everything is there and still it fails: never to be left out quietly. */
  | { kind: 'broken'; reason: string };

const PINNED = join(import.meta.dirname, 'client');
const FILES = ['package.json', 'package-lock.json'];

/** Any one of a line will do. */
const TOOLS = [['cmake', 'cmake3'], ['g++', 'c++'], ['make'], ['tar'], ['xz'], ['python3']];

/** Reused as long as neither the lock file nor the Node change. */
export async function prepareRuntimeClient(folder: string): Promise<RuntimeClient> {
  const entry = join(folder, 'node_modules/aws-lambda-ric/index.mjs');
  const stampFile = join(folder, 'installed.sha256');
  const stamp = createHash('sha256').update(`${process.version} ${process.arch}\n`);
  for (const name of FILES) stamp.update(readFileSync(join(PINNED, name)));
  const wanted = stamp.digest('hex');
  if (existsSync(entry) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) {
    return ready(folder, entry);
  }

  const missing = await missingTools();
  if (missing !== undefined) return { kind: 'left_out', reason: missing };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of FILES) copyFileSync(join(PINNED, name), join(folder, name));
  const installed = await run(
    'npm',
    ['ci', '--foreground-scripts', '--fetch-retries=1', '--fetch-timeout=20000'],
    folder,
  );
  if (installed.code !== 0 || !existsSync(entry)) return explain(installed.output);
  writeFileSync(stampFile, wanted);
  return ready(folder, entry);
}

function ready(folder: string, entry: string): RuntimeClient {
  const about = readFileSync(join(folder, 'node_modules/aws-lambda-ric/package.json'), 'utf8');
  return { kind: 'ready', entry, version: (JSON.parse(about) as { version: string }).version };
}

async function missingTools(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it is compiled on Linux only';
  for (const names of TOOLS) {
    const found = await Promise.all(names.map((name) => run(name, ['--version'])));
    if (!found.some(({ code }) => code === 0)) return `${names[0]!} is not here, and it has to be compiled`;
  }
  return undefined;
}

/** What npm, and node-gyp on its way to Node's headers, end with when they could not talk to anybody. */
const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|FetchError|response downloading/;
const LINES_SHOWN = 12;

function explain(output: string): RuntimeClient {
  const unreachable = UNREACHABLE.exec(output)?.[0];
  if (unreachable !== undefined) {
    return { kind: 'left_out', reason: `its packages or Node's headers cannot be reached (${unreachable})` };
  }
  const lines = output.trimEnd().split('\n').slice(-LINES_SHOWN);
  return { kind: 'broken', reason: `npm's last lines:\n${lines.map((line) => `  ${line}`).join('\n')}` };
}

/** Standard output and error as one text; code 127 where there is no such command. */
function run(command: string, parameters: string[], cwd?: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, parameters, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: outsideOfNpm(process.env),
      ...(cwd !== undefined && { cwd }),
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** An npm that was started by an npm would otherwise take the outer one's project for its own. */
function outsideOfNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inner = /^(npm_package|npm_lifecycle|npm_command|npm_config_local_prefix|INIT_CWD)/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !inner.test(name)));
}

/** The Python that the client tests run in: a virtual environment of their own with exactly pinned packages. */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Environment =
  | { kind: 'ready'; python: string }
  /** Something that the machine does not have. */
  | { kind: 'left_out'; reason: string }
  /** Everything is there and still it fails: a mistake of ours, never to be left out quietly. */
  | { kind: 'broken'; reason: string };

/** httpx2, on which both SDKs rest, runs on nothing older. */
const OLDEST: readonly [major: number, minor: number] = [3, 11];

/** Reused as long as neither the requirements nor the Python change. */
export async function prepareEnvironment(folder: string, requirements: string): Promise<Environment> {
  const found = await findPython();
  if (!('command' in found)) return { kind: 'left_out', reason: found.missing };
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const stampFile = join(folder, 'requirements.sha256');
  const stamp = createHash('sha256')
    .update(`${found.version}\n`)
    .update(readFileSync(requirements))
    .digest('hex');
  if (existsSync(python) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) {
    return { kind: 'ready', python };
  }

  rmSync(folder, { recursive: true, force: true });
  const made = await run(found.command, ['-m', 'venv', folder]);
  if (made.code !== 0) {
    const reason = `Python ${found.version} cannot make a virtual environment.\n${lastLines(made.output)}`;
    return { kind: 'left_out', reason };
  }
  const installed = await run(python, [
    ...['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--retries', '2'],
    ...['--timeout', '20', '--requirement', requirements],
  ]);
  if (installed.code !== 0) return explainPip(installed.output);
  writeFileSync(stampFile, stamp);
  return { kind: 'ready', python };
}

type Found = { command: string; version: string } | { missing: string };

async function findPython(): Promise<Found> {
  const oldest = OLDEST.join('.');
  let missing = `Python ${oldest} or newer is not here (no python3 in the PATH).`;
  for (const command of ['python3', 'python']) {
    const asked = await run(command, ['-c', 'import sys; print(*sys.version_info[:3], sep=".")']);
    const version = /^(\d+)\.(\d+)\.\d+$/m.exec(asked.output);
    if (asked.code !== 0 || !version) continue;
    const [major, minor] = [Number(version[1]), Number(version[2])];
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]))
      return { command, version: version[0] };
    missing = `Python ${oldest} or newer is not here (${command} is ${version[0]}).`;
  }
  return { missing };
}

/** What pip ends with when it could not talk to its index; wording of pip 23 to 26. */
const UNREACHABLE =
  /connection broken by|Could not fetch URL|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Max retries exceeded|Network is unreachable/;

function explainPip(output: string): Environment {
  const end = lastLines(output);
  return UNREACHABLE.test(end)
    ? { kind: 'left_out', reason: `the package index cannot be reached. pip's last lines:\n${end}` }
    : { kind: 'broken', reason: `the pinned packages cannot be installed. pip's last lines:\n${end}` };
}

const LINES_SHOWN = 8;
const lastLines = (output: string): string =>
  output
    .trimEnd()
    .split('\n')
    .slice(-LINES_SHOWN)
    .map((line) => `  ${line}`)
    .join('\n');

/** Standard output and error as one text; code 127 where there is no such command. */
function run(command: string, parameters: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

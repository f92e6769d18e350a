/**
 * Spendcap and the simulated provider as processes of their own, for tests that end them. They take any free port
 * and say which; their environment is what the test gives and nothing of the developer's.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../..');
const ADMIN_KEY = 'adm_for_tests';
/** Prices of the release: no test depends on what the internet says. */
const ALONE = { PORT: '0', SPENDCAP_PRICE_FEEDS: 'none' };

export type Environment = Record<string, string>;

export interface Ended {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ServerProcess {
  url: string;
  adminKey: string;
  demoKey: string;
  pid: number;
  /** Since it was spawned, until it answered. */
  startedAfterMs: number;
  /** Asks it to stop, as a supervisor does; `ended` tells how it went. */
  terminate(): void;
  /** SIGKILL: it runs not one instruction more. */
  kill(): void;
  ended: Promise<Ended>;
  /** Resolves when it has written this. */
  said: (text: string) => Promise<void>;
}

/** Ready to take calls: `GET /healthz` has answered 200. */
export async function startServer(environment: Environment): Promise<ServerProcess> {
  const begunAt = performance.now();
  const script = await bundled('local/main.ts');
  const run = runScript(script, { ...ALONE, SPENDCAP_ADMIN_KEY: ADMIN_KEY, ...environment });
  await run.said('Stop with Ctrl-C.');
  const { stdout } = run.output;
  const url = found(/Gateway\s+(http:\/\/\S+)\/v1\s/, stdout);
  const health = await fetch(`${url}/healthz`);
  if (health.status !== 200) throw new Error(`/healthz answered ${health.status}`);
  return {
    url,
    adminKey: found(/Admin key\s+(\S+)/, stdout),
    demoKey: found(/Demo key\s+(\S+)/, stdout),
    pid: run.child.pid!,
    startedAfterMs: performance.now() - begunAt,
    terminate: () => void run.child.kill('SIGTERM'),
    kill: () => void run.child.kill('SIGKILL'),
    ended: run.ended,
    said: run.said,
  };
}

/** A server that is expected to refuse to start, from the sources, as users start it. */
export const startInVain = (environment: Environment): Promise<Ended> =>
  runScript('local/main.ts', { ...ALONE, ...environment }).ended;

const bundles = new Map<string, Promise<string>>();
/** The script and the sources that it imports as one: compiling them at each of many starts takes longer than all else. */
function bundled(script: string): Promise<string> {
  const known = bundles.get(script);
  if (known) return known;
  // Below the packages that it imports.
  const outfile = join(ROOT, 'node_modules/.cache/spendcap', `${process.pid}-${basename(script, '.ts')}.mjs`);
  process.once('exit', () => rmSync(outfile, { force: true }));
  const built = build({
    entryPoints: [join(ROOT, script)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    // Files beside the sources are read from there.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(ROOT, script)).href) },
    outfile,
    logLevel: 'silent',
  }).then(() => outfile);
  bundles.set(script, built);
  return built;
}

export interface ProviderProcess {
  url: string;
  /** Ends it, by when its log is complete. */
  stop(): Promise<Ended>;
}

/** Every bill is in the log before the first byte of its answer leaves. */
export async function startProvider(logFile: string): Promise<ProviderProcess> {
  const run = runScript(await bundled('local/simulated-provider/main.ts'), {
    PORT: '0',
    HOST: '127.0.0.1',
    SIMULATED_PROVIDER_LOG: logFile,
  });
  await run.said('http://');
  const url = found(/(http:\/\/[\w.:[\]]+)/, run.output.stdout);
  const stop = (): Promise<Ended> => {
    run.child.kill('SIGTERM');
    return run.ended;
  };
  return { url, stop };
}

/** Both dialects go to the provider process. */
export const upstreamsAt = (url: string): Environment => ({
  SPENDCAP_OPENAI_BASE_URL: url,
  SPENDCAP_ANTHROPIC_BASE_URL: url,
});

interface Run {
  child: ChildProcess;
  output: { stdout: string; stderr: string };
  ended: Promise<Ended>;
  said: (text: string) => Promise<void>;
}

function runScript(script: string, environment: Environment): Run {
  const { PATH, HOME, TMPDIR } = process.env;
  const loader = script.endsWith('.ts') ? ['--import', 'tsx'] : [];
  const child = spawn(process.execPath, [...loader, script], {
    cwd: ROOT,
    env: { PATH, HOME, TMPDIR, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    living.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, ...output };
  });
  living.set(child, ended);
  const hasSaid = (text: string): boolean => output.stdout.includes(text) || output.stderr.includes(text);
  return {
    child,
    output,
    ended,
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (hasSaid(text)) resolve();
        };
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        look();
        void ended.then(({ code, stdout, stderr }) =>
          reject(new Error(`${script} ended with ${code} before it said "${text}":\n${stdout}${stderr}`)),
        );
      }),
  };
}

/** Whatever happens to the tests, no child outlives them. */
const living = new Map<ChildProcess, Promise<Ended>>();
process.once('exit', () => {
  for (const child of living.keys()) child.kill('SIGKILL');
});

/** For `afterEach`: a test that failed half-way leaves processes. */
export async function endAll(): Promise<void> {
  const left = [...living];
  for (const [child] of left) child.kill('SIGKILL');
  await Promise.all(left.map(([, ended]) => ended));
}

export interface TemporaryFolder {
  path: string;
  remove(): void;
}
export function temporaryFolder(name: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `spendcap-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function found(pattern: RegExp, text: string): string {
  const match = pattern.exec(text)?.[1];
  if (match === undefined) throw new Error(`${pattern.source} is not in:\n${text}`);
  return match;
}

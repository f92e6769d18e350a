/** The gateway and the simulated provider as processes of their own, and what the system says that they use. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

export type Store = 'memory' | 'persistent';
export const STORES: readonly Store[] = ['memory', 'persistent'];

export interface Program {
  url: string;
  pid: number;
  /** SIGTERM; ends with the process, and fails where that did not go well. */
  stop(): Promise<void>;
  /** SIGKILL: it runs not one instruction more. Ends with the process. */
  kill(): Promise<void>;
}

export interface Gateway extends Program {
  adminKey: string;
}

export async function startProvider(): Promise<Program> {
  return startProgram('local/simulated-provider/main.ts', { PORT: '0' }, { ready: /at (http:\S+)\n/ });
}

/** The provider remembers every request; its memory is not what is measured. */
export async function forgetRequests({ url }: Program): Promise<void> {
  await fetch(`${url}/_simulated/requests`, { method: 'DELETE' });
}

/** Every user has a cap of their own that no run can reach. */
const POLICY = {
  plans: { default: { caps: [{ id: 'each-user', metric: 'usd', window: 'month', limit: '10000.00' }] } },
};

export interface GatewayOptions {
  store: Store;
  providerUrl: string;
  /** Gets a CPU profile when the gateway ends. */
  profileFolder: string | undefined;
}

/** `npm start`, told where things are. The books of the persistent store are a new folder, gone afterwards. */
export async function startGateway({ store, providerUrl, profileFolder }: GatewayOptions): Promise<Gateway> {
  const folder = mkdtempSync(join(tmpdir(), 'spendcap-bench-'));
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(POLICY));
  const environment = {
    SPENDCAP_CONFIG: join(folder, 'policy.json'),
    ...(store === 'persistent' && { SPENDCAP_DATA_DIR: join(folder, 'books') }),
  };
  const nodeOptions = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const program = await runGateway(providerUrl, environment, nodeOptions);
  return {
    ...program,
    stop: async () => {
      try {
        await program.stop();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** With books that a gateway before it may have left in that folder, and the default policy. */
export const startGatewayOn = (booksFolder: string, providerUrl: string): Promise<Gateway> =>
  runGateway(providerUrl, { SPENDCAP_DATA_DIR: booksFolder });

const ADMIN_KEY = 'adm_for_the_benchmark';

async function runGateway(
  providerUrl: string,
  environment: Record<string, string>,
  nodeOptions: string[] = [],
): Promise<Gateway> {
  const everywhere = {
    PORT: '0',
    SPENDCAP_ADMIN_KEY: ADMIN_KEY,
    SPENDCAP_OPENAI_BASE_URL: providerUrl,
    SPENDCAP_ANTHROPIC_BASE_URL: providerUrl,
    SPENDCAP_PRICE_FEEDS: 'none',
  };
  const ready = /Gateway\s+(http:\S+)\/v1\s[^]*Stop with Ctrl-C/;
  const options = { ready, nodeOptions };
  const program = await startProgram('local/main.ts', { ...everywhere, ...environment }, options);
  return { ...program, adminKey: ADMIN_KEY };
}

/** Its standard error is ours: what goes wrong in it is seen as it happens. */
async function startProgram(
  script: string,
  environment: Record<string, string>,
  { ready, nodeOptions = [] }: { ready: RegExp; nodeOptions?: string[] },
): Promise<Program> {
  // Nothing else of ours that could change what is measured, such as the developer's own SPENDCAP_ settings.
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [...nodeOptions, '--import', 'tsx', script], {
    cwd: ROOT,
    env: { PATH, HOME, TMPDIR, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  living.add(child);
  const ended = once(child, 'close').then(([code]) => {
    living.delete(child);
    return code as number | null;
  });
  let output = '';
  const url = await new Promise<string>((found, failed) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const match = ready.exec(output);
      if (match) found(match[1]!);
    });
    void ended.then((code) => failed(new Error(`${script} ended with ${code} before it was ready`)));
  });
  return {
    url,
    pid: child.pid!,
    stop: async () => {
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`${script} ended with ${code}`);
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Whatever happens to the benchmark, no process outlives it. */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** User and system time so far in milliseconds, of all threads. Undefined where the system has no /proc. */
export function cpuMsOf(pid: number): number | undefined {
  const stat = readProc(pid, 'stat');
  // The name in brackets may hold spaces; the fields after it are counted from the third.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
/** USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

export interface Memory {
  residentMiB: number;
  residentMiBMax: number;
}
export function memoryOf(pid: number): Memory | undefined {
  const status = readProc(pid, 'status');
  if (status === undefined) return undefined;
  const mebibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+([0-9]+) kB$`, 'm').exec(status)?.[1]) / 1024;
  return { residentMiB: mebibytes('VmRSS'), residentMiBMax: mebibytes('VmHWM') };
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** The emulator of AWS as a child process on a loopback port, with its functions' processes below it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Emulator {
  url: string;
  port: number;
  version: string;
  /** Its log, kept after the run. */
  log: string;
  /** What a child process needs to take the emulator for AWS, and nothing of the caller's own AWS settings. */
  variables: Record<string, string>;
  /** All services empty again, as after the start. */
  reset: () => Promise<void>;
  stop: () => Promise<void>;
}

export const REGION = 'us-east-1';
/** The emulator's own account, which any key that is not twelve digits stands for. */
export const ACCOUNT = '000000000000';
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

const HOST = '127.0.0.1';
const START_SECONDS = 30;
const STOP_SECONDS = 5;

/** `settings` are the emulator's own variables, as in `AUTH: 'true'`: signatures and policies are checked. */
export async function startEmulator(
  python: string,
  logFolder: string,
  settings: Record<string, string> = {},
): Promise<Emulator> {
  const port = await freePort();
  const url = `http://${HOST}:${port}`;
  const scratch = mkdtempSync(join(tmpdir(), 'spendcap-aws-'));
  mkdirSync(logFolder, { recursive: true });
  const log = join(logFolder, 'emulator.log');
  const child = spawn(python, ['-m', 'ministack'], {
    // A group of its own, so that the functions' processes go with it.
    detached: true,
    cwd: scratch,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...withoutAws(process.env),
      // By default it listens on every interface, and its MQTT port does so whatever BIND_HOST says.
      BIND_HOST: HOST,
      GATEWAY_PORT: String(port),
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      LAMBDA_EXECUTOR: 'local',
      STATE_DIR: join(scratch, 'state'),
      S3_DATA_DIR: join(scratch, 's3'),
      // Unpacked functions; removed with it.
      TMPDIR: scratch,
      PYTHONDONTWRITEBYTECODE: '1',
      ...settings,
    },
  });
  const file = createWriteStream(log);
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  const gone = once(child, 'exit');
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The whole group is gone already.
    }
  };
  const killAtExit = (): void => signal('SIGKILL');
  process.once('exit', killAtExit);

  const stop = async (): Promise<void> => {
    signal('SIGTERM');
    await Promise.race([gone, sleep(STOP_SECONDS * 1000, undefined, { ref: false })]);
    signal('SIGKILL');
    await gone;
    process.removeListener('exit', killAtExit);
    file.end();
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    const version = await healthOf(url, () => child.exitCode !== null);
    const reset = async (): Promise<void> => {
      const answer = await fetch(`${url}/_ministack/reset`, { method: 'POST' });
      if (!answer.ok) throw new Error(`reset answered ${answer.status}`);
    };
    return { url, port, version, log, variables: variablesFor(url), reset, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function healthOf(url: string, ended: () => boolean): Promise<string> {
  const deadline = performance.now() + START_SECONDS * 1000;
  while (performance.now() < deadline) {
    if (ended()) throw new Error('the emulator ended while it started');
    try {
      const answer = await fetch(`${url}/_ministack/health`);
      if (answer.ok) return ((await answer.json()) as { version: string }).version;
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  throw new Error(`the emulator did not answer within ${START_SECONDS} s`);
}

function variablesFor(url: string): Record<string, string> {
  return {
    ...withoutAws(process.env),
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    CDK_DEFAULT_ACCOUNT: ACCOUNT,
    CDK_DEFAULT_REGION: REGION,
    AWS_CONFIG_FILE: join(tmpdir(), 'spendcap-no-aws-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(tmpdir(), 'spendcap-no-aws-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** No profile, key or endpoint of whoever runs the test may reach the emulator or the CDK. */
function withoutAws(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(AWS|CDK|SPENDCAP)_/.test(entry[0]),
  );
  return Object.fromEntries(kept);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

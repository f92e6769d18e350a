/**
 * The deployment without AWS: an emulator from outside, the probes that say how far to believe it, the contract
 * suites on its DynamoDB, the proxy function under Lambda's own runtime client, the stacks. Exit code 0 or 1; 2 where
 * the machine lacks Python, venv or a package index, with the reason on standard error. Words on the command line name
 * the parts to run (`npm run test:aws -- probes`).
 */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { prepareEnvironment } from '../clients/python/environment.ts';
import { contractSuites } from './contract-suites.ts';
import { deployment } from './deployment/deployment.ts';
import { startEmulator, type Emulator } from './emulator.ts';
import { runProbes } from './probes/run-probes.ts';
import { runtime } from './runtime/runtime.ts';
import { Story } from './story.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.venv-aws');

type Part = (story: Story, emulator: Emulator) => Promise<void>;
const parts: Record<string, Part> = { probes: runProbes, contracts: contractSuites, runtime, deployment };

// A signal would otherwise end this process without its exit handlers, and leave the emulator running.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

// The SDK's words on older Node say nothing of this run.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

process.exitCode = await main(process.argv.slice(2));

async function main(wanted: string[]): Promise<0 | 1 | 2> {
  const unknown = wanted.filter((name) => !(name in parts));
  if (unknown.length > 0) {
    process.stderr.write(`No part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}.\n`);
    return 1;
  }
  const story = new Story((line) => process.stdout.write(`${line}\n`));
  story.step('An emulator of AWS, installed into an ignored folder');
  const environment = await prepareEnvironment(FOLDER, join(import.meta.dirname, 'requirements.txt'));
  switch (environment.kind) {
    case 'left_out':
      process.stderr.write(`The deployment without AWS is left out: ${environment.reason}\n`);
      return 2;
    case 'broken':
      process.stderr.write(`The emulator cannot be installed: ${environment.reason}\n`);
      story.failed += 1;
      return story.close();
    case 'ready':
      await tell(story, environment.python, wanted);
      return story.close();
  }
}

async function tell(story: Story, python: string, wanted: string[]): Promise<void> {
  let emulator: Emulator | undefined;
  const started = await story.check('it starts and answers', async () => {
    emulator = await startEmulator(python, join(FOLDER, 'log'));
    return `ministack ${emulator.version} at ${emulator.url}`;
  });
  if (!started || !emulator) return;
  const running = emulator;
  const { port, log } = running;
  try {
    await story.check('it listens on the loopback interface alone', async () => unreachableElsewhere(port));
    for (const [name, part] of Object.entries(parts)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      await part(story, running);
    }
  } catch (error) {
    story.failed += 1;
    story.say(`FAIL  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    story.step('The end');
    await story.check('the emulator stops', async () => {
      await running.stop();
      return undefined;
    });
    if (story.failed > 0) story.say(`Its log is kept: ${log}`);
  }
}

async function unreachableElsewhere(port: number): Promise<string> {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  for (const host of addresses) {
    if (await answers(host, port)) throw new Error('it answers on an address that other machines can reach');
  }
  return `${addresses.length} other addresses tried`;
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const end = (connected: boolean): void => {
      socket.destroy();
      resolve(connected);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

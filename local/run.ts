/** Starts the local server from an environment, says where it is, and stops it without cutting anybody off. */
import { PUBLIC_FEEDS } from '../lambdas/adapters/price-feeds/families.ts';
import { readPolicyFile } from '../lambdas/adapters/policy/policy-file.ts';
import { DirectoryInUse } from '../lambdas/adapters/table/local/single-opener.ts';
import { parsePolicy, PolicyInvalid } from '../lambdas/core/policy/policy.ts';
import { InvalidEnvironment, readEnvironment, type Environment, type LocalSettings } from './environment.ts';
import { CannotListen } from './http-host.ts';
import { CannotOpenBooks, startLocalServer, type LocalServer } from './server.ts';

/** Ends with the server, with the exit code for the process. A second signal ends the process at once. */
export async function runLocalServer(environment: Environment): Promise<0 | 1> {
  const started = await start(environment);
  if (started === undefined) return 1;
  const { settings, server } = started;
  for (const note of settings.notes) process.stderr.write(`Note: ${note}\n`);
  process.stdout.write(greeting(server, settings));
  await signalled();
  process.stderr.write('Stopping: calls in flight are answered and settled first.\n');
  void signalled().then(() => process.exit(EXIT_INTERRUPTED));
  await server.close();
  return 0;
}

const EXIT_INTERRUPTED = 130;

async function start(
  environment: Environment,
): Promise<{ settings: LocalSettings; server: LocalServer } | undefined> {
  try {
    const settings = readEnvironment(environment);
    const policy =
      settings.policyFile === undefined ? parsePolicy({}) : await readPolicyFile(settings.policyFile);
    const server = await startLocalServer({
      ...settings,
      policy,
      priceFeeds: settings.priceFeeds ?? policy.priceFeeds ?? PUBLIC_FEEDS,
      report: (event) => process.stderr.write(`${JSON.stringify(event, bigintAsText)}\n`),
    });
    return { settings, server };
  } catch (error) {
    if (!MISTAKES.some((kind) => error instanceof kind)) throw error;
    process.stderr.write(`Spendcap did not start.\n${(error as Error).message}\n`);
    return undefined;
  }
}

/** What the person at the terminal can mend; everything else is a bug and shows its trace. */
const MISTAKES = [InvalidEnvironment, PolicyInvalid, CannotListen, DirectoryInUse, CannotOpenBooks];

const bigintAsText = (_name: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

const signalled = (): Promise<void> =>
  new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });

function greeting({ url, adminKey, demoKey, provider }: LocalServer, settings: LocalSettings): string {
  const real = Object.keys(settings.upstreams);
  const upstreams = [...real, ...(provider ? ['simulated provider for the others'] : [])];
  return `
Spendcap is ready.

  Gateway     ${url}/v1   (${real.length === 0 ? 'simulated provider: nothing is billed' : upstreams.join(', ')})
  Admin API   ${url}/admin/v1
  Admin key   ${adminKey}
  Mails       ${url}/outbox
  Books       ${settings.dataDirectory ?? 'in memory; set SPENDCAP_DATA_DIR to a folder to keep them'}
  Demo key    ${demoKey}

A first call:

  curl -i ${url}/v1/chat/completions \\
    -H 'authorization: Bearer ${demoKey}' \\
    -H 'content-type: application/json' \\
    -d '{"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]}'

Stop with Ctrl-C.
`;
}

/**
 * Runs the Python SDKs of OpenAI and Anthropic, as published, against a local Spendcap in this process. Arguments
 * go to pytest (`npm run test:clients -- -k stream`). Exit code 0 or 1; 2 where the machine lacks Python, venv or
 * a package index, with the reason on standard error.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePolicy } from '../../../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../../../local/server.ts';
import { prepareEnvironment } from './environment.ts';

const HERE = import.meta.dirname;
/** The app of the keys whose calls leave their answers behind. */
const STORING = { id: 'storing', team: 'clients', storeAnswers: { retentionHours: 1 } };

process.exitCode = await main(process.argv.slice(2));

async function main(pytestArguments: string[]): Promise<0 | 1 | 2> {
  const folder = join(HERE, '../../../.venv-clients');
  const environment = await prepareEnvironment(folder, join(HERE, 'requirements.txt'));
  switch (environment.kind) {
    case 'left_out':
      process.stderr.write(`Python clients left out: ${environment.reason}\n`);
      return 2;
    case 'broken':
      process.stderr.write(`Python clients broken: ${environment.reason}\n`);
      return close({ passed: 0, failed: 1 });
    case 'ready':
      return close(await runTests(environment.python, pytestArguments));
  }
}

interface Counts {
  passed: number;
  failed: number;
}

function close({ passed, failed }: Counts): 0 | 1 {
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

async function runTests(python: string, pytestArguments: string[]): Promise<Counts> {
  const bugs: string[] = [];
  const server = await startLocalServer({
    host: '127.0.0.1',
    port: 0,
    dataDirectory: undefined,
    adminKey: undefined,
    upstreams: {},
    policy: parsePolicy({ apps: [STORING] }),
    // The tests provoke the other events; these are failures of ours, whatever the client made of them.
    report: ({ kind, ...more }) => {
      if (kind === 'overrun' || kind === 'presumed_spent') return;
      bugs.push(`${kind}: ${'reason' in more ? more.reason : ''}`);
    },
  });
  const scratch = mkdtempSync(join(tmpdir(), 'spendcap-clients-'));
  try {
    const counts = await pytest(python, pytestArguments, {
      results: join(scratch, 'results.xml'),
      variables: await seed(server),
    });
    for (const bug of bugs) process.stdout.write(`The server reported ${bug}\n`);
    return { ...counts, failed: counts.failed + bugs.length };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    await server.close();
  }
}

/** Keys by the admin API, as an operator makes them; each test gives its own user the caps that it is about. */
async function seed({ url, adminKey, demoKey, provider }: LocalServer): Promise<Record<string, string>> {
  const newKey = async (key: object): Promise<string> => {
    const answer = await fetch(`${url}/admin/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(key),
    });
    if (answer.status !== 201) throw new Error(`no key: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { key: string }).key;
  };
  return {
    SPENDCAP_URL: url,
    SPENDCAP_ADMIN_KEY: adminKey,
    SPENDCAP_PROVIDER_URL: provider!.url,
    SPENDCAP_DEMO_KEY: demoKey,
    SPENDCAP_DELEGATE_KEY: await newKey({
      app: 'python',
      team: 'clients',
      scopes: ['call', 'delegate'],
      require_user: true,
    }),
    SPENDCAP_APP_KEY: await newKey({ app: 'bare', team: 'clients', scopes: ['call'] }),
  };
}

async function pytest(
  python: string,
  more: string[],
  { results, variables }: { results: string; variables: Record<string, string> },
): Promise<Counts> {
  const child = spawn(
    python,
    [
      ...[
        '-m',
        'pytest',
        HERE,
        '--rootdir',
        HERE,
        '--strict-markers',
        '-W',
        'error',
        '-p',
        'no:cacheprovider',
      ],
      ...[
        '-o',
        'faulthandler_timeout=90',
        '-o',
        'faulthandler_exit_on_timeout=true',
        '--quiet',
        `--junitxml=${results}`,
        ...more,
      ],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...bareEnvironment(), ...variables } },
  );
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
  });
  const counts = readCounts(results);
  // Stopped, or nothing collected: no test failed, and still it is no success.
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** Without what would change where the SDKs call or how pytest runs. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const disturbing = /^(openai|anthropic|pytest|python)_?|_proxy$/i;
  const kept = Object.entries(process.env).filter(([name]) => !disturbing.test(name));
  return { ...Object.fromEntries(kept), PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' };
}

/** From pytest's JUnit file; a skipped test did not show what it is there for, so it counts as failed. */
function readCounts(file: string): Counts {
  let suite: string;
  try {
    suite = /<testsuite [^>]*>/.exec(readFileSync(file, 'utf8'))?.[0] ?? '';
  } catch {
    suite = ''; // pytest ended before it could write
  }
  const count = (name: string): number => Number(new RegExp(` ${name}="([0-9]+)"`).exec(suite)?.[1] ?? 0);
  const failed = count('errors') + count('failures') + count('skipped');
  return { passed: Math.max(0, count('tests') - failed), failed };
}

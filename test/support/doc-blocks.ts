/** The examples of a document, run as a reader would run them, against a local Spendcap. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const PRINTED_URL = 'http://127.0.0.1:8787';
const run = promisify(execFile);

export interface DocBlock {
  language: string;
  /** False where it is marked `no-run`, since it needs what a test has not. */
  isRun: boolean;
  text: string;
}

/** In order; `languages` as they stand behind the fence. */
export function blocksOf(path: string, languages: readonly string[]): DocBlock[] {
  const document = readFileSync(`${ROOT}/${path}`, 'utf8');
  const fences = new RegExp(`^\`\`\`(${languages.join('|')})( no-run)?\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...document.matchAll(fences)].map(([, language, noRun, text]) => ({
    language: language!,
    isRun: noRun === undefined,
    text: text!,
  }));
}

/** As `npm start` has it, with books in memory and quiet. */
export const startDocServer = (policy: unknown = {}): Promise<LocalServer> =>
  startLocalServer({
    host: '127.0.0.1',
    port: 0,
    dataDirectory: undefined,
    adminKey: undefined,
    upstreams: {},
    policy: parsePolicy(policy),
    report: () => undefined,
  });

/** What the block printed. Fails where a command of it fails. */
export async function runBlock({ language, text }: DocBlock, server: LocalServer): Promise<string> {
  const script = text.replaceAll(PRINTED_URL, server.url);
  const [command, args] =
    language === 'sh'
      ? ['bash', ['-euo', 'pipefail', '-c', script]]
      : [process.execPath, ['--input-type=module', '-e', script]];
  const { stdout } = await run(command, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      SPENDCAP_KEY: server.demoKey,
      SPENDCAP_ADMIN_KEY: server.adminKey,
      SPENDCAP_URL: server.url,
    },
  });
  return stdout;
}

/** Who follows the guide: a clone of this repository, and one shell at a terminal in it. */
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { User } from './users.ts';

const ROOT = join(import.meta.dirname, '../../..');
const MINUTES_MAX = 10;
/** Where the shell keeps what the next commands need. */
const STATE = '"$STATE"';
const RESUME = `if [ -e ${STATE} ]; then . ${STATE}; fi`;
const run = promisify(execFile);

export class Person {
  readonly checkout: string;
  readonly #scratch: string;
  readonly #python: string;
  readonly #environment: Record<string, string>;

  static canArrive(): boolean {
    return existsSync(join(ROOT, '.git'));
  }

  /** Clones what is committed, and brings what is changed and not committed yet. */
  static async arrive(scratch: string, python: string, environment: Record<string, string>): Promise<Person> {
    const checkout = join(scratch, 'spendcap');
    const origin = join(scratch, 'origin.git');
    await run('git', ['clone', '--quiet', '--bare', '--no-hardlinks', ROOT, origin]);
    await run('git', ['clone', '--quiet', origin, checkout]);
    const { stdout } = await run('git', ['-C', ROOT, 'ls-files', '-mdoz', '--exclude-standard']);
    for (const path of new Set(stdout.split('\0'))) {
      if (path === '') continue;
      const target = join(checkout, path);
      mkdirSync(dirname(target), { recursive: true });
      if (existsSync(join(ROOT, path))) copyFileSync(join(ROOT, path), target);
      else rmSync(target, { force: true });
    }
    return new Person({ checkout, scratch, python, environment });
  }

  private constructor(parts: {
    checkout: string;
    scratch: string;
    python: string;
    environment: Record<string, string>;
  }) {
    this.checkout = parts.checkout;
    this.#scratch = parts.scratch;
    this.#python = parts.python;
    this.#environment = parts.environment;
  }

  read(path: string): string {
    return readFileSync(join(this.checkout, path), 'utf8');
  }
  write(path: string, text: string): void {
    writeFileSync(join(this.checkout, path), text);
  }
  has(path: string): boolean {
    return existsSync(join(this.checkout, path));
  }
  /** Throws where there is nothing of the kind to change. */
  edit(path: string, from: string, to: string): void {
    const text = this.read(path);
    if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
    this.write(path, text.replace(from, to));
  }

  /**
   * Types commands, and answers what they ask with yes; all that is printed comes back. What a command exports, sets
   * or defines is there for the next ones, as in one shell. Throws CommandFailed at the first that fails.
   */
  type(commands: string): Promise<string> {
    return this.#run([`set -eao pipefail`, commands, `{ export -p; declare -f; } > ${STATE}`]);
  }

  /** In a shell beside it, with the keys of somebody else. */
  typeAs({ accessKeyId, secretAccessKey }: User, commands: string): Promise<string> {
    const keys = `AWS_ACCESS_KEY_ID='${accessKeyId}' AWS_SECRET_ACCESS_KEY='${secretAccessKey}'`;
    return this.#run(['set -eo pipefail', `export ${keys}`, commands]);
  }

  async #run(lines: string[]): Promise<string> {
    const script = join(this.#scratch, 'typed.sh');
    writeFileSync(script, [`STATE='${join(this.#scratch, 'shell-state')}'`, RESUME, ...lines, ''].join('\n'));
    const terminal = join(import.meta.dirname, 'terminal.py');
    const child = spawn(this.#python, [terminal, 'bash', '--norc', script], {
      cwd: this.checkout,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: MINUTES_MAX * 60_000,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const plain = plainText(output);
    if (code !== 0) throw new CommandFailed(plain, code);
    return plain;
  }
}

export class CommandFailed extends Error {
  override name = 'CommandFailed';
  readonly output: string;

  constructor(output: string, code: number | null) {
    super(`ended with ${code}:\n${output.slice(-4000)}`);
    this.output = output;
  }
}

/** Without what moves the cursor or colours. */
function plainText(output: string): string {
  // eslint-disable-next-line no-control-regex
  return output.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}

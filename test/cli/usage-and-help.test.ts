import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const execFileAsync = promisify(execFile);

describe('mistakes on the command line exit 2 and print nothing on stdout', () => {
  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['cap', 'sett', 'user:alice'], '(Did you mean set?)'],
    [['cap', 'set'], "missing required argument 'scope'"],
    [['cap', 'set', 'user:alice'], 'No limit was given.\nName one, as in --monthly 20usd.'],
    [['cap', 'set', 'user:alice', '--monthly', '20'], '"20" is no amount.\nWrite a number with its unit'],
    [
      ['cap', 'set', 'user:alice', '--monthly', '4concurrent'],
      'Calls in flight have no window.\nWrite --concurrent 4.',
    ],
    [
      ['cap', 'set', 'user:alice', '--monthly', '2usd', '--overage', '5requests'],
      'The limit is in usd and the overage in requests.',
    ],
    [['cap', 'set', 'user:alice', '--monthly', '2usd', '--daily', '1usd', '--id', 'x'], '--id names one cap'],
    [['key', 'create', '--team', 'growth'], "required option '--app <app>' not specified"],
    [['key', 'create', '--app', 'a', '--team', 't', '--scope', 'root'], '"root" is no scope of a key.'],
    [['completion', 'tcsh'], 'No completion for "tcsh".'],
    [['price', 'check', '/nonexistent.json'], '/nonexistent.json cannot be read'],
  ])('%j', async (args, said) => {
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
  });
});

describe('help', () => {
  it('of the program names every noun and the exit codes, on stdout', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, commands = ''] = /Commands:\n([^]*?)\nExamples:/.exec(stdout) ?? [];
    const nouns = [...commands.matchAll(/^ {2}([a-z-]+)(?: \S+)?\s{2,}/gm)].map(([, noun]) => noun);
    expect(nouns).toEqual([
      'cap',
      'key',
      'grant',
      'user',
      'usage',
      'report',
      'ledger',
      'receipt',
      'price',
      'quarantine',
      'feed',
      'dead-letter',
      'mail',
      'webhook',
      'dev',
      'completion',
    ]);
    expect(stdout).toContain('Exit codes: 0 ok, 1 refused or a difference found, 2 usage');
  });

  it('never shows a key that stands in the environment', async () => {
    const { stdout } = await runCli(['cap', 'set', '--help'], { env: { SPENDCAP_ADMIN_KEY: 'adm_secret' } });
    expect(stdout).toContain('SPENDCAP_ADMIN_KEY');
    expect(stdout).not.toContain('adm_secret');
  });
});

it('--version is the one of the package', async () => {
  expect(await runCli(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
});

describe('completion', () => {
  it('of bash offers nouns, verbs and options', async () => {
    const { stdout: script } = await runCli(['completion', 'bash']);
    const complete = async (...words: string[]): Promise<string[]> => {
      const line = words.map((word) => `'${word}'`).join(' ');
      const program = `${script}\nCOMP_WORDS=(spendcap ${line}); COMP_CWORD=${words.length}; _spendcap; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await execFileAsync('bash', ['-c', program]);
      return stdout.trim().split('\n');
    };
    expect(await complete('c')).toEqual(['cap', 'completion']);
    expect(await complete('cap', '')).toEqual(
      expect.arrayContaining(['set', 'get', 'list', 'delete', '--json', '--help']),
    );
    expect(await complete('--json', 'cap', 'del')).toEqual(['delete']);
    expect(await complete('cap', 'set', 'user:alice', '--mo')).toEqual(['--monthly']);
    expect(await complete('completion', 'f')).toEqual(['fish']);
  });

  it.each(['zsh', 'fish'])('of %s knows the same verbs', async (shell) => {
    const { code, stdout } = await runCli(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('set get list delete');
  });
});
